#include "protect/volume_data.h"

#include <charconv>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/idempotent.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;

// The mount's path is part of the snapshot's: it is the same for all volumes.
constexpr const char* kActions = R"(
copy:
  phases:
  - func: CopyVolumeData
    name: copy
    args:
      namespace: '{{ .Options.namespace }}'
      volume: '{{ .Options.claim }}'
      dataArtifactPrefix: '{{ .Options.prefix }}'
      mountPath: /mnt/volume
fill:
  phases:
  - func: RestoreData
    name: fill
    args:
      namespace: '{{ .Options.namespace }}'
      image: '{{ .Options.image }}'
      volumes: {'{{ .Options.claim }}': /mnt/volume}
      backupArtifactPrefix: '{{ .Options.prefix }}'
      backupIdentifier: '{{ .Options.snapshot }}'
      backupPath: '{{ .Options.path }}'
      restorePath: /mnt/volume
)";

// Named after what it says: another version of the program may want another one beside it.
std::string blueprint(run::World& world) {
    constexpr std::size_t kDigits = 10;
    Value blueprint;
    blueprint["actions"] = parse_yaml_value(kActions);
    const std::string name =
        "fencepost-volume-data-" + sha256_hex(to_json(blueprint["actions"])).substr(0, kDigits);
    blueprint["metadata"]["name"] = name;
    blueprint["metadata"]["namespace"] = world.controller_namespace;
    cluster::create_unless_there(world.cluster, types::kBlueprints, blueprint,
                                 {.field_manager = "fencepost"});
    return name;
}

ChildAction action(run::World& world, const char* name, const Exports& exports, const VolumeMove& move) {
    return {.name = move.name,
            .parent = move.parent,
            .action = name,
            .blueprint = blueprint(world),
            .object = namespace_subject(world.controller_namespace),
            .profile = exports.profile(),
            .artifacts = {},
            .options = Map{{"namespace", move.ns},
                           {"claim", move.claim},
                           {"prefix", exports.repository_prefix()},
                           {"image", run::kToolsImage}}};
}

// "12", or "12 B".
std::int64_t number_in(const Value& output) {
    const std::string text = output.string_or("");
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

ChildAction copy_to(run::World& world, const Exports& exports, const VolumeMove& move) {
    return action(world, "copy", exports, move);
}

Value moved(const ChildEnd& end) {
    for (const Value& phase : end.phases.list_or_empty()) {
        const Value& output = phase["output"];
        if (!output["backupID"].is_string()) continue;
        return Map{{"backupID", output["backupID"]},
                   {"backupRoot", output["backupRoot"]},
                   {"files", number_in(output["fileCount"])},
                   {"bytes", number_in(output["size"])},
                   {"storedBytes", number_in(output["phySize"])}};
    }
    throw Error(ErrorKind::kInternal, "the copy of the volume names no snapshot");
}

ChildAction fill_from(run::World& world, const Exports& exports, const VolumeMove& move, const Value& copy) {
    ChildAction fill = action(world, "fill", exports, move);
    fill.options["snapshot"] = copy["backupID"];
    fill.options["path"] = copy["backupRoot"];
    return fill;
}

bool is_exported(const Value& copy) { return copy["backupID"].is_string(); }

std::string host_of(const std::string& ns, const std::string& claim) { return ns + "/" + claim; }

void make_room(Value& claim, const std::string& size) {
    const std::string asked =
        std::as_const(claim).get("spec", "resources", "requests", "storage").string_or("0");
    if (!size.empty() && parse_quantity(size) > parse_quantity(asked))
        claim["spec"]["resources"]["requests"]["storage"] = size;
}

}  // namespace fencepost::protect
