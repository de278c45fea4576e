#!/usr/bin/env python3
"""Writes an OCI image archive from tar files and single files: no daemon, no registry, the same bytes each time.

    make_image.py local.test/tools:1 tools.tar --tar root.tar --file kubectl:/usr/local/bin/kubectl --command /bin/bash
    make_image.py local.test/more:1 more.tar --base tools.tar --file program:/usr/local/bin/program

`ctr --namespace k8s.io images import`, `kind load image-archive` and `k3d image import` take it."""
import argparse
import hashlib
import io
import json
import os
import tarfile
import tempfile

LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
BLOBS = "blobs/sha256/"


class Image:
    def __init__(self, archive):
        self.archive = archive
        self.written = set()
        self.layers = []
        self.config = {}

    def add_blob(self, stream, size, digest):
        if digest not in self.written:
            member = tarfile.TarInfo(BLOBS + digest)
            member.size = size
            self.archive.addfile(member, stream)
            self.written.add(digest)

    def add_json(self, media_type, value):
        """The descriptor of what was added."""
        text = json.dumps(value, sort_keys=True).encode()
        digest = hashlib.sha256(text).hexdigest()
        self.add_blob(io.BytesIO(text), len(text), digest)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(text)}

    def add_base(self, path):
        """Layers and configuration of another archive of ours."""
        with tarfile.open(path) as base:
            index = json.load(base.extractfile("index.json"))
            blob = lambda descriptor: base.extractfile(BLOBS + descriptor["digest"].removeprefix("sha256:"))
            manifest = json.load(blob(index["manifests"][0]))
            self.config = json.load(blob(manifest["config"]))["config"]
            for layer in manifest["layers"]:
                self.add_blob(blob(layer), layer["size"], layer["digest"].removeprefix("sha256:"))
                self.layers.append(layer)

    def add_layer(self, path):
        with open(path, "rb") as layer:
            digest = hashlib.file_digest(layer, "sha256").hexdigest()
            layer.seek(0)
            self.add_blob(layer, os.path.getsize(path), digest)
        self.layers.append({"mediaType": LAYER, "digest": "sha256:" + digest, "size": os.path.getsize(path)})

    def add_files(self, files):
        """A layer of single files, SOURCE:DESTINATION each, root's and executable."""
        with tempfile.NamedTemporaryFile(suffix=".tar") as layer:
            with tarfile.open(layer.name, "w") as tar:
                for file in files:
                    source, destination = file.split(":")
                    member = tarfile.TarInfo(destination.lstrip("/"))
                    member.size, member.mode = os.path.getsize(source), 0o755
                    with open(source, "rb") as content:
                        tar.addfile(member, content)
            self.add_layer(layer.name)

    def finish(self, name):
        # The layers are not compressed, so their digests are those of what is in them.
        config = self.add_json(CONFIG, {"architecture": "amd64", "os": "linux", "config": self.config, "rootfs": {
            "type": "layers", "diff_ids": [layer["digest"] for layer in self.layers]}})
        manifest = self.add_json(MANIFEST, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": self.layers})
        manifest["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rsplit(":", 1)[1]}
        for path, value in (("oci-layout", {"imageLayoutVersion": "1.0.0"}),
                            ("index.json", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]})):
            text = json.dumps(value).encode()
            member = tarfile.TarInfo(path)
            member.size = len(text)
            self.archive.addfile(member, io.BytesIO(text))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("archive")
    parser.add_argument("--base", help="an archive that this has made")
    parser.add_argument("--tar", action="append", default=[], help="a layer as it is")
    parser.add_argument("--file", action="append", default=[], metavar="SOURCE:DESTINATION")
    parser.add_argument("--environment", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--user")
    parser.add_argument("--entrypoint")
    parser.add_argument("--command")
    options = parser.parse_args()

    with tarfile.open(options.archive + ".part", "w") as archive:
        image = Image(archive)
        if options.base:
            image.add_base(options.base)
        for path in options.tar:
            image.add_layer(path)
        if options.file:
            image.add_files(options.file)
        variables = dict(variable.split("=", 1) for variable in image.config.get("Env", []) + options.environment)
        variables.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        image.config["Env"] = [f"{name}={value}" for name, value in variables.items()]
        if options.user:
            image.config["User"] = options.user
        if options.entrypoint:
            image.config["Entrypoint"] = [options.entrypoint]
        if options.command:
            image.config["Cmd"] = [options.command]
        image.finish(options.name)
    os.replace(options.archive + ".part", options.archive)


if __name__ == "__main__":
    main()
