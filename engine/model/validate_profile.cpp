#include <algorithm>

#include "model/validate_parts.h"

namespace fencepost::model {
namespace {

void check_type(const Value& type, const std::string& pointer, const std::string& parent,
                std::string_view what, const std::vector<std::string>& known, Problems& problems) {
    if (!problems.require_text(type, type.is_nil() ? parent : pointer, what)) return;
    if (std::find(known.begin(), known.end(), type.as_string()) != known.end()) return;
    problems.error(pointer, "unknown-type", "'" + type.as_string() + "' is no type of " + to_path(parent),
                   hint_among(type.as_string(), known));
}

void require(const Value& object, const std::string& pointer, std::initializer_list<std::string_view> members,
             const std::string& why, Problems& problems) {
    for (const std::string_view member : members) {
        if (!object[member].string_or("").empty()) continue;
        problems.error(pointer, "missing-field",
                       to_path(pointer) + " has no " + std::string(member) + ", which " + why + " needs");
    }
}

void check_location(const Value& location, Problems& problems) {
    const std::string pointer = "/location";
    problems.only(location, pointer, {"type", "bucket", "endpoint", "prefix", "region", "path"});
    bool is_sound = true;
    for (const auto& [key, value] : location.map_or_empty())
        is_sound = problems.check(value, child(pointer, key), Kind::kString) && is_sound;
    check_type(location["type"], child(pointer, "type"), pointer, "location.type",
               {"s3Compliant", "gcs", "azure", "kopia", "filestore"}, problems);
    if (!is_sound) return;
    const std::string type = location["type"].string_or("");
    if (type == "s3Compliant") require(location, pointer, {"bucket", "region"}, type, problems);
    if (type == "gcs" || type == "azure") require(location, pointer, {"bucket"}, type, problems);
    if (type == "kopia") require(location, pointer, {"endpoint"}, type, problems);
    if (type == "filestore") require(location, pointer, {"path"}, type, problems);
}

void check_secret(const Value& holder, const std::string& pointer, std::string_view what,
                  Problems& problems) {
    if (!holder["secret"].is_nil()) {
        return check_reference(holder["secret"], child(pointer, "secret"), what, {"name", "namespace"},
                               problems);
    }
    problems.error(pointer, "missing-field", to_path(pointer) + " has no secret");
}

void check_credential(const Value& credential, Problems& problems) {
    const std::string pointer = "/credential";
    if (!problems.check(credential, pointer, Kind::kMap)) return;
    problems.only(credential, pointer, {"type", "keyPair", "secret", "kopiaServerSecret"});
    check_type(credential["type"], child(pointer, "type"), pointer, "credential.type",
               {"keyPair", "secret", "kopia"}, problems);
    const std::string type = credential["type"].string_or("");
    const std::string pair = child(pointer, "keyPair");
    if (type == "keyPair") {
        if (!credential["keyPair"].is_map()) {
            problems.error(pointer, "missing-field", "credential has no keyPair, which its type asks for");
            return;
        }
        problems.only(credential["keyPair"], pair, {"idField", "secretField", "secret"});
        for (const char* field : {"idField", "secretField"}) {
            problems.require_text(credential["keyPair"][field],
                                  credential["keyPair"][field].is_nil() ? pair : child(pair, field),
                                  "credential.keyPair." + std::string(field));
        }
        check_secret(credential["keyPair"], pair, "the Secret of the key pair", problems);
    } else if (type == "secret") {
        check_secret(credential, pointer, "the Secret", problems);
    } else if (type == "kopia" && !credential["kopiaServerSecret"].is_map()) {
        problems.error(pointer, "missing-field",
                       "credential has no kopiaServerSecret, which its type asks for");
    }
}

void check_protection_period(const Value& period, const std::string& location_type, Problems& problems) {
    check_duration(period, "/protectionPeriod", problems);
    if (!period.is_nil() && location_type != "s3Compliant") {
        problems.error("/protectionPeriod", "unsupported-field",
                       "a location of type " + location_type + " has no object lock here",
                       "use s3Compliant, or take protectionPeriod out");
    }
}

}  // namespace

void validate_profile(const Value& object, Problems& problems) {
    problems.only(object, "",
                  {"apiVersion", "kind", "metadata", "location", "credential", "skipSSLVerify", "caBundle",
                   "repositoryKey", "protectionPeriod", "status"});
    check_metadata(object, problems);
    const Value& location = object["location"];
    if (location.is_nil()) {
        problems.error("", "missing-field", "the Profile has no location");
    } else if (problems.check(location, "/location", Kind::kMap)) {
        check_location(location, problems);
    }
    if (!object["credential"].is_nil()) {
        check_credential(object["credential"], problems);
    } else if (location["type"].string_or("filestore") != "filestore") {
        problems.error("", "missing-field", "the Profile has no credential");
    }
    problems.check(object["skipSSLVerify"], "/skipSSLVerify", Kind::kBool);
    problems.check(object["caBundle"], "/caBundle", Kind::kString);
    check_protection_period(object["protectionPeriod"], location["type"].string_or(""), problems);
    if (!object["repositoryKey"].is_nil()) {
        check_reference(object["repositoryKey"], "/repositoryKey", "repositoryKey", {"name", "namespace"},
                        problems);
    }
}

}  // namespace fencepost::model
