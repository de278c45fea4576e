#include "protect/import_run.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"
#include "binding/resolve.h"
#include "cluster/idempotent.h"
#include "protect/export_run.h"
#include "protect/policy_children.h"
#include "protect/readiness.h"
#include "protect/restore_point.h"
#include "value/json.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;

constexpr std::size_t kMostListed = 500;  // restore points that the status tells of
constexpr std::size_t kMostNamed = 10;    // in an error

std::string name_of(const Value& index) { return index["name"].string_or(""); }
std::string time_of(const Value& index) { return index["actionTime"].string_or(""); }
std::string application_of(const Value& index) { return index.get("application", "namespace").string_or(""); }

// As status.available has it: signedBy, or error where it is not to be trusted.
Value told(const Value& index) {
    Value shown = index;
    shown.erase("signature");
    shown.erase("content");
    if (index["error"].is_string()) return shown;
    try {
        shown["signedBy"] = signer_of(index, "it");
    } catch (const Error& e) {
        shown["error"] = e.what();
    }
    return shown;
}

// The profile here that leads to the same place; nil where there is none.
Value profile_for(run::World& world, const Value& address, const Value& first) {
    if (address_of(resolve(world, first)) == address) return first;
    for (const Value& object :
         world.cluster.list(types::kProfiles, {.ns = world.controller_namespace}).items) {
        const Value reference(
            Map{{"name", cluster::name_of(object)}, {"namespace", cluster::namespace_of(object)}});
        try {
            if (address_of(resolve(world, reference)) == address) return reference;
        } catch (const Error& e) {
            if (e.is_transient()) throw;  // one that cannot be read leads nowhere
        }
    }
    return {};
}

}  // namespace

ImportRun::ImportRun(run::World& world, const Value& object, Tokens tokens)
    : world_(world), tokens_(std::move(tokens)), status_(world, types::kImportActions, object) {}

void ImportRun::run() {
    std::string failure;
    const char* state = state::kFailed;
    try {
        status_.begin(tokens_.shutdown);
        import();
    } catch (const Cancelled&) {
        tokens_.shutdown.throw_if_cancelled();
        state = state::kCancelled;
        failure = "it was cancelled";
    } catch (const Error& e) {
        failure = text_of(e);
    }
    status_.end(failure.empty() ? state::kComplete : state, failure, tokens_.shutdown);
}

void ImportRun::import() {
    Exports exports(world_, status_.spec()["profile"], tokens_.cancel);
    status_.change()["location"] = exports.place();
    status_.begin_step("what is there");
    status_.flush(tokens_.shutdown);
    List indexes = look(exports);
    std::stable_sort(indexes.begin(), indexes.end(),
                     [](const Value& a, const Value& b) { return time_of(a) > time_of(b); });
    status_.end_step("what is there", "complete");
    if (status_.spec()["list"].bool_or(false)) return list(indexes);
    const Value index = choose(indexes);
    const Value spec = fetch(exports, index);
    make_restore_point(index, spec);
    report(name_of(index));
}

// One that is named by its content needs no look at all the others.
List ImportRun::look(Exports& exports) const {
    const std::string application = status_.spec()["application"].string_or("");
    const std::string wanted = status_.spec()["restorePoint"].string_or("");
    if (!application.empty() && !wanted.empty()) {
        if (auto index = exports.index(application, wanted)) return {*std::move(index)};
    }
    return exports.indexes(application);
}

void ImportRun::list(const List& indexes) {
    Value& available = status_.change()["available"];
    available = List{};
    for (const Value& index : indexes) {
        if (available.writable_list().size() == kMostListed) break;
        available.push_back(told(index));
    }
    if (indexes.size() > kMostListed)
        status_.add_exception("the latest " + std::to_string(kMostListed) + " of " +
                              std::to_string(indexes.size()) + " restore points are listed");
}

Value ImportRun::choose(const List& indexes) const {
    const std::string wanted = status_.spec()["restorePoint"].string_or("");
    std::vector<const Value*> fit;
    for (const Value& index : indexes) {
        if (index["error"].is_string()) continue;
        if (wanted.empty() || name_of(index) == wanted || index["restorePoint"] == Value(wanted))
            fit.push_back(&index);
    }
    if (fit.empty()) {
        throw Error(ErrorKind::kNotFound,
                    "there is no restore point" + (wanted.empty() ? "" : " '" + wanted + "'") + " at " +
                        status_.status()["location"].string_or(""),
                    "spec.list: true shows what is there");
    }
    if (fit.size() == 1 || status_.spec()["latest"].bool_or(false)) return *fit.front();
    std::vector<std::string> names;
    for (const Value* index : fit) {
        if (names.size() < kMostNamed) names.push_back(name_of(*index) + " of " + time_of(*index));
    }
    throw Error(ErrorKind::kInvalid,
                std::to_string(fit.size()) + " restore points fit: " + joined(names, ", ") +
                    (fit.size() > names.size() ? ", ..." : ""),
                "name one in spec.restorePoint, or take the latest with spec.latest");
}

// The content's spec as it was exported.
Value ImportRun::fetch(Exports& exports, const Value& index) {
    const std::string step = "signature";
    status_.begin_step(step);
    const std::string what = "the restore point " + name_of(index) + " at " + exports.place();
    const std::string signer = signer_of(index, what);
    status_.change()["signedBy"] = signer;
    const std::string trusted = status_.spec()["trustedKey"].string_or("");
    if (!trusted.empty() && trusted != signer) {
        throw Error(ErrorKind::kForbidden, what + " is signed by " + signer + ", not by " + trusted,
                    "spec.trustedKey names whom to trust; another installation has exported it");
    }
    Value spec = parse_json(exports.get(index["content"]));
    const bool is_same = signer_of(spec, what) == signer && spec.get("export", "content") == index["name"] &&
                         spec["application"] == index["application"] &&
                         spec["actionTime"] == index["actionTime"];
    if (!is_same) {
        throw Error(ErrorKind::kDataLoss, what + ": its index and its content do not belong together",
                    "do not trust it: take another restore point");
    }
    Value content;
    content["spec"] = spec;
    content["spec"]["export"]["profile"] = exports.profile();
    (void)manifests_of(world_, content, tokens_.cancel);  // each part is there and as it was
    status_.end_step(step, "complete");
    return spec;
}

void ImportRun::make_restore_point(const Value& index, const Value& exported) {
    const std::string name = name_of(index), ns = application_of(index);
    const std::string step = "restore point";
    status_.begin_step(step);
    if (const auto there = cluster::find_object(world_.cluster, {types::kRestorePointContents, "", name})) {
        verify(world_, *there);
        if (there->get("spec", "export", "content") != Value(name) ||
            (*there)["spec"]["actionTime"] != index["actionTime"])
            throw Error(
                ErrorKind::kAlreadyExists, "there is another RestorePointContent " + name + " here already",
                "do not trust what has taken its name at " + status_.status()["location"].string_or(""));
        status_.end_step(step, "complete", "it was here already");
    } else {
        const Value here = status_.spec()["profile"];
        Value spec = exported;
        Value& provenance = spec["import"];
        provenance["signedBy"] = status_.status()["signedBy"];
        provenance["signature"] = exported["signature"];
        provenance["importTime"] = status_.status()["startTime"];
        provenance["importAction"] =
            Map{{"name", status_.key().name}, {"namespace", status_.key().ns}, {"uid", status_.uid()}};
        spec["export"]["profile"] = Exports(world_, here, tokens_.cancel).profile();
        spec.erase("expiresAt");  // the exporting installation's promise, not this one's
        spec.erase("profile");
        if (exported["artifactLocation"].is_map()) {
            // What was in one place there is so here, by whatever address this installation knows it.
            const bool is_beside = exported["artifactLocation"] == exported.get("export", "address");
            const Value profile = is_beside ? spec.get("export", "profile")
                                            : profile_for(world_, exported["artifactLocation"], here);
            if (profile.is_map()) spec["profile"] = profile;
        }
        Value marks;
        marks["k10.kasten.io/appName"] = ns;
        marks["k10.kasten.io/appNamespace"] = ns;
        marks[kExportProfile] = label_value(here["name"].string_or(""));
        // Whose retention it is under.
        for (const char* label : {labels::kPolicy, labels::kPolicyNamespace, labels::kRun}) {
            const Value& of_action = status_.object().get("metadata", "labels", label);
            if (of_action.is_string()) marks[label] = of_action;
        }
        create_content(world_, name, marks, std::move(spec));
        status_.end_step(step, "complete");
    }
    Value made;
    made["metadata"]["name"] = ns;
    cluster::create_unless_there(world_.cluster, types::kNamespaces, made, {.field_manager = "fencepost"});
    // Somebody else's restore point may have the name; the content's is of this one alone.
    std::string point = index["restorePoint"].string_or(name);
    const auto there = cluster::find_object(world_.cluster, {types::kRestorePoints, ns, point});
    if (there && there->get("spec", "restorePointContentRef", "name") != Value(name)) point = name;
    create_restore_point(world_, ns, point, name);
    status_.change()["restorePoint"] = Map{{"name", point}, {"namespace", ns}, {"content", name}};
    status_.flush(tokens_.shutdown);
}

void ImportRun::report(const std::string& name) {
    const std::string step = "readiness";
    status_.begin_step(step);
    const Value content = world_.cluster.get({types::kRestorePointContents, "", name});
    status_.change()["readiness"] = readiness_of(world_, content, tokens_.cancel);
    status_.end_step(step, "complete");
}

}  // namespace fencepost::protect
