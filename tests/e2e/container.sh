#!/bin/sh
# The rendered workflow with a real `container:` job: act and podman carry it out, the real ms-swift trains inside.
# Needs root on Debian; installs podman, runc and debootstrap, and makes an image of about 500 MB. `make container`.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
work=$(mktemp -d)
image=swiftci-test:1
python=$(readlink -f "$root/.venv-swift/bin/python")
home=$(dirname "$(dirname "$python")")
commit=0123456789abcdef0123456789abcdef01234567

command -v podman runc debootstrap >/dev/null || {
  apt-get update -qq
  apt-get install -y -qq podman runc debootstrap
}
mkdir -p "$work/artifacts" "$work/store" "$work/repository/configs" "$work/source"
cat >"$work/containers.conf" <<END
[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
END
export CONTAINERS_CONF="$work/containers.conf"
podman image exists "$image" || {
  debootstrap --variant=minbase --include=python3,python3-venv,git,nodejs,ca-certificates bookworm "$work/image" >"$work/debootstrap.log"
  tar -C "$work/image" -c . | podman import - "$image"
}
podman system service --time=0 "unix://$work/podman.sock" &
service=$!
trap 'kill $service; rm -rf "$work"' EXIT

cd "$work/repository"
"$root/.venv-swift/bin/python" "$root/tests/tiny/make_model.py" model
"$root/.venv/bin/python" -c 'import sys; sys.path.insert(0, sys.argv[1]); from tests.e2e.conftest import CONFIG; print(CONFIG)' "$root" >configs/tiny.yaml
mounts="-v $root/.venv-swift:$root/.venv-swift:ro -v $home:$home:ro -v /etc/ssl/certs:/etc/ssl/certs:ro -v $work/artifacts:$work/artifacts"
cat >swiftci.yaml <<END
version: 1
actions: swiftci/swiftci@$commit
python: $root/.venv-swift/bin/python
hub: huggingface
container:
  image: $image
  options: --ulimit nofile=20000:20000 --ulimit nproc=30000:30000 $mounts
store: $work/store
END
"$root/.venv/bin/swiftci" generate --profile act
git init -q -b main
git add -A
git -c user.name=t -c user.email=t@example.com commit -qm x
cp -r "$root/actions" "$root/src" "$root/templates" "$root/pyproject.toml" "$root/requirements.txt" "$work/source"

pin() { sed -n "s|.*uses: actions/$1@\([0-9a-f]*\).*|\1|p" .github/workflows/swiftci-tiny.yml | head -n 1; }
DOCKER_HOST="unix://$work/podman.sock" "$root/.venv/bin/act" push -W .github/workflows/swiftci-tiny.yml \
  -P ubuntu-latest=-self-hosted -P "self-hosted=$image" -P "gpu=$image" --pull=false --network host \
  --env PIP_CERT=/etc/ssl/certs/ca-certificates.crt --env "STANDIN_ARTIFACTS=$work/artifacts" \
  --local-repository "swiftci/swiftci@$commit=$work/source" \
  --local-repository "actions/upload-artifact@$(pin upload-artifact)=$root/tests/standin/upload-artifact" \
  --local-repository "actions/download-artifact@$(pin download-artifact)=$root/tests/standin/download-artifact" \
  >"$work/act.log" 2>&1 || { tail -n 60 "$work/act.log"; exit 1; }
grep -c 'Job succeeded' "$work/act.log"
ls "$work"/artifacts/*/NAME
cat "$work"/artifacts/*/files/eval_results.json
