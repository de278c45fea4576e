#!/usr/bin/env bash
# Builds what the cluster needs and Debian has not: Kubernetes, CoreDNS, the CSI sidecars and mini-csi with Go, and the
# images from Debian packages. What is there is left alone unless its inputs have changed. From nothing that takes ten
# minutes on two cores, without Go's cache.
source "$(dirname "$(readlink -f "$0")")/common.sh"
mkdir -p "$bin" "$images" "$crds"
exec 8>>"$home/build.lock"
flock 8

# is_built NAME INPUT...: whether NAME was made of these very files and words; has_built NAME notes it.
is_built() {
    local name=$1 input
    shift
    inputs=$(for input; do if [[ -f $input ]]; then cat "$input"; else echo "$input"; fi; done | sha256sum)
    [[ $inputs == "$(cat "$home/$name.inputs" 2>/dev/null)" ]]
}
has_built() { echo "$inputs" >"$home/$1.inputs"; }

# go_build NAME WHAT [FLAGS]: WHAT is `tool` where go.mod lists the programs.
go_build() {
    local name=$1 what=$2 flags=${3:-}
    ! is_built "$name" "$here/program/$name"/* "$flags" || return 0
    [[ -n $(type -P go) ]] || cannot "no Go here to build $name with"
    (cd "$here/program/$name" && CGO_ENABLED=0 nice go build -p 2 -buildvcs=false -trimpath -ldflags "-s -w $flags" -o "$bin/" "$what")
    [[ $name != csi ]] || (cd "$here/program/csi" && cp --no-preserve=mode \
        "$(go list -m -f '{{.Dir}}' github.com/kubernetes-csi/external-snapshotter/client/v8)"/config/crd/snapshot.storage.k8s.io_volumesnapshot{s,classes,contents}.yaml "$crds/")
    has_built "$name"
    say "built $name"
}

version=$(sed -n 's|^require k8s.io/kubernetes v||p' "$here/program/kubernetes/go.mod")
kubectl=$cache/kubectl-v$version
[[ -x $kubectl ]] || cannot "no kubectl $version: scripts/install-deps --test builds it"
ln -sf "$kubectl" "$bin/kubectl"
stamp=k8s.io/component-base/version
go_build kubernetes tool "-X $stamp.gitVersion=v$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$(cut -d. -f2 <<<"$version") -X $stamp.gitTreeState=clean"
go_build coredns .
go_build csi tool
go_build mini-csi .
if ! is_built pause "$here/program/pause.c"; then
    gcc -Os -static -s -o "$bin/pause" "$here/program/pause.c"
    has_built pause
fi

# image NAME PACKAGES OPTION...: local.test/NAME:1 of Debian packages, which come from where this machine gets its own.
# postgres has CloudNativePG's number, no server of Debian's own, and no JIT, whose LLVM is a quarter of the image.
source "$checkout/packaging/images/debian.sh"
make_image=$checkout/packaging/images/make_image.py
# shellcheck disable=SC2016  # $1 is mmdebstrap's own
debian=(--quiet --mode=root "${slim_debian[@]}"
    --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/bitcode/*' --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/llvmjit.so'
    --dpkgopt='path-exclude=/usr/lib/*/libLLVM*' --dpkgopt='path-exclude=/usr/lib/*/libz3*'
    --essential-hook='echo "postgres:x:26:" >>"$1/etc/group"; echo "postgres:x:26:26::/var/lib/postgresql:/bin/bash" >>"$1/etc/passwd"'
    --essential-hook='mkdir "$1/etc/postgresql-common"; echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"'
    "$debian_without_lists")
image() {
    local name=$1 packages=$2 root=$images/$1.root
    shift 2
    ! is_built "image-$name" "$make_image" "$packages" "${debian[@]}" "$@" || return 0
    [[ -n $(type -P mmdebstrap) ]] || cannot "no mmdebstrap: scripts/install-deps --test installs it"
    nice mmdebstrap "${debian[@]}" --include="$packages" bookworm "$root.tar" /etc/apt/sources.list.d/debian.sources
    "$make_image" "local.test/$name:1" "$images/$name.tar" --tar "$root.tar" "$@"
    rm "$root.tar"
    has_built "image-$name"
    say "built image $name"
}

if ! is_built image-pause "$make_image" "$here/program/pause.c"; then
    "$make_image" local.test/pause:1 "$images/pause.tar" --file "$bin/pause:/pause" --user 65535:65535 --entrypoint /pause
    has_built image-pause
fi
tools=bash,coreutils,procps,jq,curl,ca-certificates,postgresql-client-15
image tools "$tools" --file "$kubectl:/usr/local/bin/kubectl" --command /bin/bash
image postgres "$tools,postgresql-15" --file "$kubectl:/usr/local/bin/kubectl" --user 26:26 --environment PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin \
    --command /bin/bash

# The optional tier: CloudNativePG's operator, whose program is also what runs in its instances.
[[ -n ${FENCEPOST_TEST_CNPG:-} ]] || exit 0
mkdir -p "$cnpg"
go_build cnpg tool
if ! is_built image-cnpg "$make_image" "$here/program/cnpg"/* "$here/build.sh"; then
    "$make_image" local.test/cnpg:1 "$cnpg/image.tar" --file "$bin/manager:/manager" --file "$bin/manager:/operator/manager_amd64" \
        --user 10001:10001 --entrypoint /manager
    # The manifest that its users apply, with that image, and without the limit that makes two cores wait for one tenth.
    module=$(cd "$here/program/cnpg" && go list -m -f '{{.Dir}} {{.Version}}' github.com/cloudnative-pg/cloudnative-pg)
    sed -e 's|[^ ]*/cloudnative-pg:.*|local.test/cnpg:1|' -e 's|imagePullPolicy: Always|imagePullPolicy: IfNotPresent|' \
        -e '/^          limits:$/,/memory/d' "${module% *}/releases/cnpg-${module#* v}.yaml" >"$cnpg/operator.yaml"
    has_built image-cnpg
    say "built image cnpg"
fi
