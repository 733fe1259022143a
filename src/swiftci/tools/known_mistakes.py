"""How the tools say that a config or its data is at fault; see known_failures."""

from swiftci.tools.known_failures import Known

_INSTALL = "install that package into the Python that holds ms-swift and EvalScope"
_ARGS = "see the value under train.args"
_MODEL = "see the paths of models and checkpoints under train.args"
_DATASET = "see train.args.dataset and val_dataset"
_ROWS = "`strict: false` under train.args would train without such rows"

USER = (
    Known(
        r"remaining_argv: (.*)",
        "user",
        "this ms-swift does not have the arguments {0}",
        "look for a typing mistake under train.args",
    ),
    Known(r"error: (argument .*|unrecognized arguments: .*)", "user", "{0}", "an argument's name or value is wrong"),
    Known(
        r"Unknown (tuner_type: .*)|((?:model_type|template_type|template): '[^']*') not in ",
        "user",
        "ms-swift does not know {0}",
        _ARGS,
    ),
    Known(r"Please set --(\w+)", "user", "train.args lacks `{0}`", "add it"),
    Known(r"(\w+ is required when .*)", "user", "{0}", "add it under train.args"),
    Known(
        r"Failed to automatically match.*(model_type|template)\b.*Multiple",
        "user",
        "{said}",
        "say under train.args which `model_type` and `template` it is",
    ),
    Known(
        r"(Failed to automatically match (?:model_type|template).*)",
        "user",
        "{0}",
        "say under train.args which `model_type` and `template` it is",
    ),
    Known(r"doesn't support bf16", "user", "{said}", "set torch_dtype: float32, or train on a GPU that has bfloat16"),
    Known(r"Target modules .* not found", "user", "{said}", "see target_modules; all-linear fits every model"),
    Known(
        r"(requires a flash attention implementation)",
        "user",
        "packing {0}",
        "set attn_impl: flash_attn, which needs that package, or packing: false",
    ),
    Known(r"reward_function (\S+) is not implemented", "user", "there is no reward function {0}", "see reward_funcs"),
    Known(r"path: '(.*)' not found", "user", "{0} does not exist on this machine", _MODEL),
    Known(r"Repo id must be .*: '(.*?)'", "user", "{0} does not exist on this machine, and is no hub's id", _MODEL),
    Known(
        r"url: /api/v1/(?:models|datasets)/(/[^ ?]*?)/(?:repo|revisions)\b",
        "user",
        "{0} does not exist on this machine",
        "see the paths under train.args and evaluate",
    ),
    Known(
        r"The local path does not exist, dataset_id: `(.*?)`|Couldn't find any data file at (\S+)\.",
        "user",
        "the data set {0} does not exist on this machine",
        _DATASET,
    ),
    Known(
        r"Unrecognized model in (\S+)\. |no file named .*found in directory (\S+?)\.?$",
        "user",
        "{0} is no whole model: {said}",
        _MODEL,
    ),
    Known(r"Too many open files", "user", "{said}", "raise the limit (`ulimit -n`), or lower dataloader_num_workers"),
)
PACKAGES = (
    Known(
        r"undefined symbol|cannot open shared object file",
        "user",
        "a package was built for another torch or CUDA: {said}",
        "install it anew, for the torch that is there",
    ),
    Known(
        r"CUDA_HOME|MissingCUDAException|CUDAMismatchException|Error building extension",
        "user",
        "a kernel cannot be built: {said}",
        "the machine lacks the CUDA toolkit (`nvcc`) in torch's version: use an image that has it",
    ),
    Known(
        r"PackageNotFoundError|ModuleNotFoundError|No module named|requires liger_kernels"
        r"|pip install|ImportError: .*(?:not installed|not found|not available|doesn't seem to be installed)",
        "user",
        "{last}",
        _INSTALL,
    ),
)
DATA = (
    Known(
        r"SafetensorError|PytorchStreamReader|config file at .* is not a valid JSON",
        "data",
        "a model's file is damaged: {said}",
        "copy or fetch that model anew",
    ),
    Known(
        r"EmptyDatasetError: The directory at (\S+)",
        "user",
        "{0} holds no data file",
        _DATASET,
    ),
    Known(
        r"FileNotFoundError: .*'(.*\.(?i:png|jpe?g|webp|gif|bmp|tiff?|mp4|avi|mov|mkv|webm|wav|mp3|flac|m4a|ogg))'",
        "data",
        "a row names {0}, which does not exist on this machine",
        "paths in a row start where the training does, or with /",
    ),
    Known(
        r"inputs\.rejected is None",
        "data",
        "a row lacks `rejected_response`",
        "this rlhf_type learns from pairs of answers",
    ),
    Known(r"StopIteration", "data", "a data set is empty ({last})", _DATASET),
    Known(
        r"ZeroDivisionError: integer division",
        "data",
        "a data set has no row that ms-swift can use ({last})",
        "a row needs columns that ms-swift knows, such as `messages`, or `query` and `response`",
    ),
    Known(
        r"_show_dataset\n(?:.*\n)*TypeError",
        "data",
        "a data set has no row that ms-swift can use ({last})",
        "are all longer than max_length, or all in the validation set? See max_length and split_dataset_ratio",
    ),
    Known(
        r"Row length\(\d+\) exceeds max_length|MaxLengthError",
        "data",
        "a row is too long: {said}",
        f"raise max_length, or see truncation_strategy; {_ROWS}",
    ),
    Known(
        r"AssertionError: (rejected_response: .*, response: .*)",
        "data",
        "a rejected response is the chosen one: {0}",
        "mend that row; kto takes another row's response as rejected: `strict: false` leaves such rows out",
    ),
    Known(
        r"KeyError: '(content|messages|role)'",
        "data",
        "a row of a data set lacks `{0}` ({last})",
        f"mend that row; {_ROWS}",
    ),
    Known(
        r"AssertionError: (messages?: .*)",
        "data",
        "ms-swift cannot use a row of a data set: {0}",
        "`messages` is a list of turns, each with a role (system, user, assistant, tool) and a content; " + _ROWS,
    ),
    Known(
        r'File "<unknown>", line \d+\n.*\n.*\nSyntaxError',
        "data",
        "`messages` of a row is text that is no list of turns",
        f"mend that row; {_ROWS}",
    ),
    Known(r"UnicodeDecodeError: (.*)", "data", "a data set is not UTF-8: {0}", "convert it, as with `iconv -t utf-8`"),
    Known(
        r"ArrowInvalid: (.*)",
        "data",
        "a data set cannot be read: {0}",
        "each line of a .jsonl file is one JSON object; rows are counted from 0",
    ),
    Known(
        r"DatasetGenerationError|JSONDecodeError",
        "data",
        "a data set cannot be read ({last})",
        "each line of a .jsonl file is one JSON object",
    ),
)
LATE = (
    Known(
        r'File "(.*?)", line \d+\n(?:.*\n)+?SyntaxError', "user", "{0} has a mistake: {said}", "the log shows the line"
    ),
    Known(r"(Benchmark '.*' not found.*)", "user", "{0}", "see evaluate.datasets"),
    Known(r"ValueError: (benchmark '.*)", "user", "{0}", "see evaluate.args.dataset_args"),
    Known(
        r"ValidationError: \d+ validation errors? for ChatMessage",
        "data",
        "an item of a data set has no text where one belongs: {said}",
        "items of general_qa have `query` and `response`, those of general_mcq `question`, `A`, `B` and `answer`",
    ),
    Known(
        r"(No dataset file found.*)",
        "user",
        "{0}",
        "see local_path and subset_list under evaluate.args.dataset_args; a subset's file is SUBSET.jsonl",
    ),
    Known(r"FileNotFoundError: .*: '(.*)'", "user", "{0} does not exist on this machine", _ARGS),
)
"""What a handled error may look like too: only where nothing above fits."""
