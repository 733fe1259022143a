/* A library that answers as NVML does, from a text file that FAKE_NVML names; nvidia-ml-py loads it by its name.

   Structures, the sizes of texts, and return codes follow the NVML API reference. A line of the file is one of

     driver VERSION              of the driver, as in 550.54.15
     cuda NUMBER                 1000 times the major version and 10 times the minor one, as in 12040
     card MIB USED UTILISATION NAME
                                 in order of their indexes; UUIDs are GPU-0000 and so on
     reserved INDEX MIB          what the driver keeps: used in version 1 of the memory's structure, not in version 2
     process INDEX PID MIB       with a context for computing; MIB -1 where the driver does not tell
     graphics INDEX PID MIB
     grows INDEX NUMBER          so many processes begin after each call that asks for the size of the list
     fails FUNCTION CODE         for every card, or for no card; CODE `crash` and `hang` do that instead
     fails FUNCTION CODE INDEX   for one card */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef enum {
    SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, INSUFFICIENT_SIZE = 7, VERSION_MISMATCH = 25
} result;

enum { CARDS = 16, PROCESSES = 64, FAILURES = 32, CRASH = -1, HANG = -2 };

typedef struct { unsigned int pid; unsigned long long used; unsigned int instance, compute; } process;
typedef struct { unsigned long long total, free, used; } memory_1;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } memory_2;
typedef struct { unsigned int gpu, memory; } rates;

_Static_assert(sizeof(process) == 24, "nvmlProcessInfo_v2_t");
_Static_assert(sizeof(memory_2) == 40, "nvmlMemory_v2_t");

typedef struct { process all[PROCESSES]; unsigned int count; } list;
typedef struct {
    unsigned long long total, used, reserved;
    unsigned int utilisation, grows;
    char name[96];
    list compute, graphics;
} card;

static struct { char function[64]; int code, index; } failures[FAILURES];
static card cards[CARDS];
static unsigned int count, failing, users;
static char driver[80] = "550.54.15";
static int cuda = 12040;

static void add(list *to, unsigned int pid, long long mebibytes)
{
    process *one = &to->all[to->count++];
    one->pid = pid;
    one->used = mebibytes < 0 ? ~0ULL : (unsigned long long)mebibytes << 20;
    one->instance = one->compute = 0xFFFFFFFF;
}

static int code_of(const char *word)
{
    return !strcmp(word, "crash") ? CRASH : !strcmp(word, "hang") ? HANG : atoi(word);
}

static void read_line(const char *line)
{
    char name[96], word[16];
    unsigned int index, pid, number, used;
    long long memory;
    int at = -1;
    sscanf(line, "driver %79s", driver);
    sscanf(line, "cuda %d", &cuda);
    if (sscanf(line, "card %lld %u %u %95[^\n]", &memory, &used, &number, name) == 4) {
        cards[count].total = (unsigned long long)memory << 20;
        cards[count].used = (unsigned long long)used << 20;
        cards[count].utilisation = number;
        strcpy(cards[count++].name, name);
    }
    if (sscanf(line, "reserved %u %u", &index, &number) == 2)
        cards[index].reserved = (unsigned long long)number << 20;
    if (sscanf(line, "process %u %u %lld", &index, &pid, &memory) == 3)
        add(&cards[index].compute, pid, memory);
    if (sscanf(line, "graphics %u %u %lld", &index, &pid, &memory) == 3)
        add(&cards[index].graphics, pid, memory);
    if (sscanf(line, "grows %u %u", &index, &number) == 2)
        cards[index].grows = number;
    if (sscanf(line, "fails %63s %15s %d", failures[failing].function, word, &at) >= 2) {
        failures[failing].code = code_of(word);
        failures[failing++].index = at;
    }
}

static void read_all(void)
{
    char line[256];
    const char *path = getenv("FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    memset(cards, 0, sizeof cards);
    count = failing = 0;
    while (file && fgets(line, sizeof line, file))
        read_line(line);
    if (file)
        fclose(file);
}

/* What a call fails with, whether that is asked for or a mistake of the caller's. */
static result fault(const char *function, const card *device)
{
    int index = device ? (int)(device - cards) : -1;
    if (!users && strcmp(function, "nvmlInitWithFlags"))
        return UNINITIALIZED;
    for (unsigned int i = 0; i < failing; i++) {
        if (strcmp(failures[i].function, function) || (failures[i].index >= 0 && failures[i].index != index))
            continue;
        if (failures[i].code == CRASH)
            raise(SIGSEGV);
        while (failures[i].code == HANG)
            pause();
        return failures[i].code;
    }
    return SUCCESS;
}

static result device_fault(const char *function, const card *device, const void *into)
{
    if (users && (device < cards || device >= cards + count || !into))
        return INVALID_ARGUMENT;
    return fault(function, device);
}

static result text(const char *from, char *into, unsigned int length)
{
    if (strlen(from) >= length)
        return INSUFFICIENT_SIZE;
    strcpy(into, from);
    return SUCCESS;
}

#define CHECK(expression) do { result found = (expression); if (found) return found; } while (0)

result nvmlInitWithFlags(unsigned int flags)
{
    (void)flags;
    read_all();
    CHECK(fault("nvmlInitWithFlags", NULL));
    users++;
    return SUCCESS;
}

result nvmlShutdown(void)
{
    CHECK(fault("nvmlShutdown", NULL));
    users--;
    return SUCCESS;
}

const char *nvmlErrorString(result code)
{
    static char words[32];
    snprintf(words, sizeof words, "code %d", code);
    return words;
}

result nvmlSystemGetDriverVersion(char *version, unsigned int length)
{
    CHECK(fault("nvmlSystemGetDriverVersion", NULL));
    return text(driver, version, length);
}

result nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    CHECK(fault("nvmlSystemGetCudaDriverVersion_v2", NULL));
    *version = cuda;
    return SUCCESS;
}

result nvmlDeviceGetCount_v2(unsigned int *number)
{
    CHECK(fault("nvmlDeviceGetCount_v2", NULL));
    *number = count;
    return SUCCESS;
}

result nvmlDeviceGetHandleByIndex_v2(unsigned int index, card **device)
{
    if (users && index >= count)
        return INVALID_ARGUMENT;
    CHECK(fault("nvmlDeviceGetHandleByIndex_v2", &cards[index]));
    *device = &cards[index];
    return SUCCESS;
}

result nvmlDeviceGetUUID(card *device, char *uuid, unsigned int length)
{
    char found[16];
    CHECK(device_fault("nvmlDeviceGetUUID", device, uuid));
    snprintf(found, sizeof found, "GPU-%04d", (int)(device - cards));
    return text(found, uuid, length);
}

result nvmlDeviceGetName(card *device, char *name, unsigned int length)
{
    CHECK(device_fault("nvmlDeviceGetName", device, name));
    return text(device->name, name, length);
}

result nvmlDeviceGetMemoryInfo(card *device, memory_1 *memory)
{
    CHECK(device_fault("nvmlDeviceGetMemoryInfo", device, memory));
    memory->total = device->total;
    memory->used = device->used + device->reserved;
    memory->free = memory->total - memory->used;
    return SUCCESS;
}

result nvmlDeviceGetMemoryInfo_v2(card *device, memory_2 *memory)
{
    CHECK(device_fault("nvmlDeviceGetMemoryInfo_v2", device, memory));
    if (memory->version != (2U << 24 | sizeof *memory))
        return VERSION_MISMATCH;
    memory->total = device->total;
    memory->used = device->used;
    memory->reserved = device->reserved;
    memory->free = memory->total - memory->used - memory->reserved;
    return SUCCESS;
}

result nvmlDeviceGetUtilizationRates(card *device, rates *utilization)
{
    CHECK(device_fault("nvmlDeviceGetUtilizationRates", device, utilization));
    utilization->gpu = device->utilisation;
    utilization->memory = 0;
    return SUCCESS;
}

/* As documented: asked with a size of 0, or one that is too small, it says the size that is needed. */
static result processes(const char *function, card *device, list *from, unsigned int *number, process *into)
{
    unsigned int room;
    CHECK(device_fault(function, device, number));
    room = *number;
    *number = from->count;
    if (room >= from->count && (into || !from->count)) {
        if (into)
            memcpy(into, from->all, from->count * sizeof *into);
        return SUCCESS;
    }
    for (unsigned int i = 0; !into && i < device->grows; i++)
        add(from, 9000 + from->count, 1);
    return INSUFFICIENT_SIZE;
}

result nvmlDeviceGetComputeRunningProcesses_v3(card *device, unsigned int *number, process *into)
{
    return processes("nvmlDeviceGetComputeRunningProcesses_v3", device, &device->compute, number, into);
}

result nvmlDeviceGetGraphicsRunningProcesses_v3(card *device, unsigned int *number, process *into)
{
    return processes("nvmlDeviceGetGraphicsRunningProcesses_v3", device, &device->graphics, number, into);
}
