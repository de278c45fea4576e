// Kanister's objects as types: what a Blueprint, ActionSet and Profile say, parsed from their Values. Parsing
// is lenient where the API server is (unknown members are kept out, absent ones are empty); validation, with
// places, is model/validate.h. Names are Kanister's. Errors: Error{kInvalid} that names the member's path
// ("actions.backup.phases[0].func: expected string, got list"). Pure; thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace fencepost::model {

struct ObjectReference {
    std::string api_version;  // version only ("v1"); the group is in `group`
    std::string group;        // a trailing slash is tolerated (kanctl -O writes one) and dropped
    std::string resource;
    std::string kind;
    std::string name;
    std::string ns;
    [[nodiscard]] static ObjectReference from(const Value& value);
    [[nodiscard]] Value to_value() const;
};

struct Artifact {
    std::map<std::string, std::string> key_value;
    std::string kopia_snapshot;
    [[nodiscard]] static Artifact from(const Value& value);
    [[nodiscard]] Value to_value() const;
};

struct Phase {
    std::string name;
    std::string func;
    std::map<std::string, ObjectReference> objects;
    Value args;  // a map, unrendered
    // Beyond Kanister (kanister.md 6.4): all optional.
    std::string timeout;        // Go duration; "" = none of its own
    int retries = 0;            // tries after the first
    std::string retry_backoff;  // `backoff`: Go duration, doubled each time; "" = 1s
    std::string condition;      // `if`: a template; anything but "true" skips the phase
};

struct Action {
    std::string name;  // the map's key
    std::string kind;
    std::vector<std::string> config_map_names, secret_names, input_artifact_names;
    std::map<std::string, Artifact> output_artifacts;
    std::vector<Phase> phases;
    std::optional<Phase> defer_phase;
};

struct Blueprint {
    std::string name, ns, uid, resource_version;
    std::string digest;  // SHA-256 hex of the canonical JSON of `actions`
    std::map<std::string, Action> actions;
    [[nodiscard]] static Blueprint from(const Value& object);
};

// One entry of ActionSet.spec.actions.
struct ActionSpec {
    std::string name;
    ObjectReference object;
    std::string blueprint;
    std::map<std::string, Artifact> artifacts;
    std::map<std::string, ObjectReference> config_maps, secrets;
    std::optional<ObjectReference> profile;
    Value pod_override;  // nil or a map
    std::map<std::string, std::string> pod_labels, pod_annotations, options;
    std::string preferred_version;
    // Beyond Kanister:
    std::vector<std::string> depends_on;  // names of other actions of this ActionSet
    std::string timeout;                  // Go duration for the whole action, defer excluded
};

struct ActionSet {
    std::string name, ns, uid, resource_version;
    std::vector<ActionSpec> actions;
    bool cancel_requested = false;  // spec.cancel: true
    bool is_being_deleted = false;  // metadata.deletionTimestamp
    [[nodiscard]] static ActionSet from(const Value& object);
};

struct Profile {
    std::string name, ns;
    std::string location_type, bucket, endpoint, prefix, region;
    std::string path;             // of a file store (location.type filestore): the folder
    std::string credential_type;  // keyPair, secret, kopia; "" for a file store
    std::string id_field, secret_field;
    ObjectReference
        credential_secret;  // credential.keyPair.secret, or credential.secret where there is no pair
    bool skip_ssl_verify = false;
    // Beyond Kanister:
    std::string ca_bundle;  // PEM
    std::optional<ObjectReference>
        repository_key;             // a Secret; its key `password` encrypts a restic repository
    std::string protection_period;  // "720h": how long an object lock holds what is kept; "": none
    [[nodiscard]] static Profile from(const Value& object);
};

}  // namespace fencepost::model
