#include "cluster/local/local_cluster.h"

#include <charconv>
#include <limits>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/json_patch.h"
#include "cluster/local/controllers/controllers.h"
#include "cluster/local/managed_fields.h"
#include "cluster/local/object_rules.h"
#include "cluster/local/pods/pod_runtime.h"
#include "cluster/local/store/store.h"
#include "cluster/local/type_table.h"
#include "cluster/selectors.h"
#include "cluster/strategic_merge.h"
#include "value/json.h"

namespace fencepost::cluster::local {
namespace {

Error not_found(const ObjectKey& key) {
    return {ErrorKind::kNotFound, qualified_name(key.type) + " \"" + key.name + "\" not found"};
}

std::uint64_t to_revision(const std::string& text, const char* what) {
    std::uint64_t revision = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw Error(ErrorKind::kInvalid, std::string("invalid ") + what + ": '" + text + "'");
    }
    return revision;
}

// Where a list goes on: after the last key that was given. Pages are of now, not of one snapshot, and never
// skip a key.
struct Continuation {
    explicit Continuation(const std::string& token) {
        if (token.empty()) return;
        const std::string text = base64_decode(token);
        const auto first = text.find('/');
        const auto second = text.find('/', first + 1);
        if (first == std::string::npos || second == std::string::npos)
            throw Error(ErrorKind::kInvalid, "continue key is not valid");
        version = text.substr(0, first);
        (void)to_revision(version, "continue key");
        last = {text.substr(first + 1, second - first - 1), text.substr(second + 1)};
    }
    [[nodiscard]] static std::string token(const std::string& version, const std::string& ns,
                                           const std::string& name) {
        return base64_encode(version + "/" + ns + "/" + name);
    }
    std::string version;  // "" for the first page
    std::pair<std::string, std::string> last;
};

struct Filter {
    Filter(const std::string& labels, const std::string& fields)
        : label(LabelSelector::parse(labels)), field(FieldSelector::parse(fields)) {}
    [[nodiscard]] bool accepts(const Value& object) const {
        return label.matches(object) && field.matches(object);
    }
    LabelSelector label;
    FieldSelector field;
};

class LocalWatch final : public Watch {
  public:
    LocalWatch(Store& store, const ResourceType& type, const WatchOptions& options)
        : filter_(options.label_selector, options.field_selector),
          ns_(options.ns),
          bookmarks_(options.allow_bookmarks),
          metadata_only_(options.metadata_only) {
        std::uint64_t revision = 0;
        if (options.resource_version.empty() || options.resource_version == "0") {
            Store::Listing present =
                store.list(type, ns_, [this](const Value& object) { return filter_.accepts(object); });
            revision = present.revision;
            for (auto& [key, object] : present.items)
                first_.push_back({WatchEvent::Type::kAdded, shown(std::move(object))});
        } else {
            revision = to_revision(options.resource_version, "resourceVersion");
        }
        seen_ = revision;
        feed_ = store.follow(type, revision);
    }

    std::optional<WatchEvent> next(const CancelToken& cancel, Deadline deadline) override {
        if (given_ < first_.size()) return std::move(first_[given_++]);
        first_.clear();
        given_ = 0;
        for (;;) {
            const auto now = std::chrono::steady_clock::now();
            const Deadline bookmark = bookmarks_ ? now + kBookmarkEvery : kNoDeadline;
            const auto change = feed_->next(cancel, std::min(deadline, bookmark));
            if (change == nullptr) {
                if (!bookmarks_ || std::chrono::steady_clock::now() >= deadline) return std::nullopt;
                WatchEvent event{WatchEvent::Type::kBookmark, {}};
                event.object["metadata"]["resourceVersion"] = std::to_string(seen_);
                return event;
            }
            seen_ = change->revision;
            if (auto event = event_of(*change)) return event;
        }
    }

  private:
    static constexpr std::chrono::seconds kBookmarkEvery{60};

    // An object that a selector no longer fits has left, one that it fits now has come.
    [[nodiscard]] std::optional<WatchEvent> event_of(const Change& change) const {
        if (!ns_.empty() && change.key.ns != ns_) return std::nullopt;
        const bool did = change.before && filter_.accepts(*change.before);
        const bool does = change.after && filter_.accepts(*change.after);
        if (does)
            return WatchEvent{did ? WatchEvent::Type::kModified : WatchEvent::Type::kAdded,
                              shown(*change.after)};
        if (!did) return std::nullopt;
        Value last = change.after ? *change.after : *change.before;
        last["metadata"]["resourceVersion"] = std::to_string(change.revision);
        return WatchEvent{WatchEvent::Type::kDeleted, shown(std::move(last))};
    }

    [[nodiscard]] Value shown(Value object) const {
        return metadata_only_ ? metadata_of(object) : std::move(object);
    }

    Filter filter_;
    std::string ns_;
    bool bookmarks_;
    bool metadata_only_;
    std::uint64_t seen_ = 0;
    std::vector<WatchEvent> first_;
    std::size_t given_ = 0;
    std::unique_ptr<Store::Feed> feed_;
};

class LocalCluster final : public Cluster {
  public:
    LocalCluster(const LocalOptions& options, Clock& clock, Log& log)
        : clock_(clock), runs_pods_(options.run_pods), store_(Store::open(options.data_dir)) {
        for (const auto& [key, definition] :
             store_->list(types::kCustomResourceDefinitions, "", [](const Value&) { return true; }).items) {
            types_.define(definition);
        }
        for (const char* name : {"default", "kube-system"}) {
            if (store_->get({types::kNamespaces, "", name})) continue;
            Value ns;
            ns["metadata"]["name"] = name;
            create(types::kNamespaces, ns, {});
        }
        controllers_ = start_controllers(*this, *store_, types_, log);
        if (!runs_pods_) return;
        LocalOptions with_access = options;
        with_access.api_access = open_api_access(options.data_dir, clock.now());
        pods_ = make_pod_runtime(*this, with_access, clock, log);
    }

    Value get(const ObjectKey& key) override {
        (void)types_.at(key.type);
        if (auto object = store_->get(key)) return *object;
        throw not_found(key);
    }

    ObjectList list(const ResourceType& type, const ListOptions& options) override {
        (void)types_.at(type);
        const Filter filter(options.label_selector, options.field_selector);
        const Continuation after(options.continue_token);
        // Only the page is copied, and one more that says whether another page follows.
        std::int64_t room = options.limit > 0 ? options.limit + 1 : std::numeric_limits<std::int64_t>::max();
        Store::Listing listing = store_->list(type, options.ns, [&](const Value& object) {
            const bool is_in_page =
                room > 0 &&
                (after.version.empty() || std::pair(namespace_of(object), name_of(object)) > after.last) &&
                filter.accepts(object);
            room -= is_in_page ? 1 : 0;
            return is_in_page;
        });
        ObjectList result;
        result.resource_version = std::to_string(listing.revision);
        // All pages have the first one's version: a watch from there misses nothing that changed between
        // them.
        if (!after.version.empty()) result.resource_version = after.version;
        for (auto& [key, object] : listing.items) {
            if (options.limit > 0 && static_cast<std::int64_t>(result.items.size()) == options.limit) {
                const Value& last = result.items.back();
                result.continue_token =
                    Continuation::token(result.resource_version, namespace_of(last), name_of(last));
                break;
            }
            result.items.push_back(options.metadata_only ? metadata_of(object) : std::move(object));
        }
        return result;
    }

    std::unique_ptr<Watch> watch(const ResourceType& type, const WatchOptions& options) override {
        (void)types_.at(type);
        return std::make_unique<LocalWatch>(*store_, type, options);
    }

    Value create(const ResourceType& type, const Value& object, const WriteOptions& options) override {
        return create_object(type, object, options, {});
    }

    Value replace(const ResourceType& type, const Value& object, const WriteOptions& options) override {
        const ObjectKey key{type, namespace_of(object), name_of(object)};
        return change_object(key, manager_of(options), options.dry_run, [&](const Value&) { return object; });
    }

    Value patch(const ObjectKey& key, PatchType patch_type, const Value& patch,
                const PatchOptions& options) override {
        if (patch_type == PatchType::kApply) return apply(key, patch, options);
        return change_object(key, manager_of(options), options.dry_run, [&](const Value& stored) {
            Value patched = patch_type == PatchType::kJson             ? json_patch(stored, patch)
                            : patch_type == PatchType::kStrategicMerge ? strategic_merge(stored, patch)
                                                                       : json_merge(stored, patch);
            if (options.check) options.check(patched);
            return patched;
        });
    }

    Value remove(const ObjectKey& key, const DeleteOptions& options) override {
        (void)types_.at(key.type);
        Value last = store_->write([&](Transaction& change) {
            const auto stored = change.get(key);
            if (!stored) throw not_found(key);
            check_preconditions(key, *stored, options);
            if (options.dry_run) return *stored;
            return remove_or_mark(change, key, *stored, options);
        });
        if (key.type == types::kCustomResourceDefinitions && !options.dry_run && !has_finalizers(last))
            types_.forget(last);
        return last;
    }

    std::optional<ResourceDescription> find_type(std::string_view group, std::string_view version,
                                                 std::string_view name) override {
        return types_.find(group, version, name);
    }
    std::vector<ResourceDescription> types() override { return types_.all(); }

    ExecResult exec(std::string_view ns, std::string_view pod, const ExecOptions& options,
                    const CancelToken& cancel) override {
        return backend().exec(get({types::kPods, std::string(ns), std::string(pod)}), options, cancel);
    }
    void post_guard(const Guard& guard) override {
        if (pods_ != nullptr) pods_->post_guard(get({types::kPods, guard.ns, guard.pod}), guard);
    }
    void relieve_guard(std::string_view id, const std::function<void()>& undo,
                       const CancelToken& cancel) override {
        if (pods_ == nullptr) return undo();
        pods_->relieve_guard(id, undo, cancel);
    }
    void logs(std::string_view ns, std::string_view pod, const LogOptions& options,
              const std::function<void(std::string_view)>& sink, const CancelToken& cancel) override {
        backend().logs(get({types::kPods, std::string(ns), std::string(pod)}), options, sink, cancel);
    }

  private:
    PodBackend& backend() {
        if (pods_ == nullptr)
            throw Error(ErrorKind::kUnsupported, "this cluster stores objects only; it runs no Pods");
        return *pods_;
    }

    static void check_size(const Value& object) {
        if (to_json(object).size() > kMaxObjectBytes) {
            throw Error(ErrorKind::kTooLarge, object["kind"].string_or("object") + " \"" + name_of(object) +
                                                  "\" has more than 1.5 MiB");
        }
    }

    static void check_namespace(const Transaction& change, const ResourceDescription& type,
                                const Value& object) {
        if (!type.is_namespaced) return;
        const std::string ns = namespace_of(object);
        const auto stored = change.get({types::kNamespaces, "", ns});
        if (!stored) {
            throw Error(ErrorKind::kNotFound, "namespaces \"" + ns + "\" not found",
                        "create it first: a Namespace object");
        }
        if (!stored->get("metadata", "deletionTimestamp").is_nil()) {
            throw Error(ErrorKind::kForbidden,
                        qualified_name(type.type) + " \"" + name_of(object) +
                            "\" is forbidden: unable to create new content in namespace " + ns +
                            " because it is being terminated");
        }
    }

    Value create_object(const ResourceType& type, const Value& object, const WriteOptions& options,
                        const Value& managed_fields) {
        const ResourceDescription description = types_.at(type);
        if (!options.subresource.empty())
            throw Error(ErrorKind::kUnsupported, "a subresource cannot be created");
        Value prepared = prepare_new(description, object, clock_.now());
        prepared["metadata"]["uid"] = random_uuid();
        if (!managed_fields.is_nil()) prepared["metadata"]["managedFields"] = managed_fields;
        check_size(prepared);
        const bool is_generated = name_of(prepared).empty();
        Value stored = store_->write(
            [&](Transaction& change) {
                check_namespace(change, description, prepared);
                for (int attempt = 0;; ++attempt) {
                    Value candidate = prepared;
                    if (is_generated) {
                        candidate["metadata"]["name"] =
                            candidate.get("metadata", "generateName").as_string() + random_name_suffix(5);
                    }
                    const ObjectKey key{type, namespace_of(candidate), name_of(candidate)};
                    if (!change.get(key))
                        return options.dry_run ? candidate : change.put(key, std::move(candidate));
                    if (!is_generated || attempt == 8) {
                        throw Error(ErrorKind::kAlreadyExists,
                                    qualified_name(type) + " \"" + key.name + "\" already exists");
                    }
                }
            },
            options.may_be_lost ? Store::Durable::kSoon : Store::Durable::kNow);
        if (type == types::kCustomResourceDefinitions && !options.dry_run) types_.define(stored);
        return stored;
    }

    template <typename Options>
    [[nodiscard]] static Manager manager_of(const Options& options) {
        return {options.field_manager.empty() ? "fencepost" : options.field_manager, options.subresource};
    }

    // What of an applied object belongs to the part of it that is applied.
    [[nodiscard]] static Value applied_part(const ResourceDescription& type, const ObjectKey& key,
                                            const Value& applied, const std::string& subresource) {
        Value part = applied;
        const auto settle = [&](const char* member, const std::string& expected) {
            Value& value = part["metadata"][member];
            if (value.is_nil() && !expected.empty()) value = expected;
            if (value.string_or("") != expected)
                throw Error(ErrorKind::kInvalid,
                            std::string("the ") + member +
                                " of the object does not match the one of the request (" + expected + ")");
        };
        const std::string api =
            key.type.group.empty() ? key.type.version : key.type.group + "/" + key.type.version;
        if (part["apiVersion"].is_nil()) part["apiVersion"] = api;
        if (part["kind"].is_nil()) part["kind"] = type.kind;
        if (part["apiVersion"] != Value(api) || part["kind"] != Value(type.kind)) {
            throw Error(ErrorKind::kInvalid, "what is applied is no " + type.kind + " of " + api);
        }
        settle("name", key.name);
        if (type.is_namespaced) settle("namespace", key.ns);
        if (subresource == "status") {
            Value status_alone;
            status_alone["apiVersion"] = part["apiVersion"];
            status_alone["kind"] = part["kind"];
            status_alone["metadata"]["name"] = key.name;
            status_alone["status"] = part["status"];
            return status_alone;
        }
        if (type.has_status_subresource) part.erase("status");
        return part;
    }

    Value apply(const ObjectKey& key, const Value& patch, const PatchOptions& options) {
        if (!patch.is_map()) throw Error(ErrorKind::kInvalid, "what is applied is no object");
        const Value applied = applied_part(types_.at(key.type), key, patch, options.subresource);
        const Manager manager = manager_of(options);
        const auto merge = [&](const Value& stored) {
            Value merged = apply_object(key.type, stored, applied, manager, options.force, clock_.now());
            if (options.check) options.check(merged);
            return merged;
        };
        for (;;) {
            try {
                return change_object(key, manager, options.dry_run, merge, /*is_apply=*/true);
            } catch (const Error& e) {
                if (e.kind() != ErrorKind::kNotFound || !options.subresource.empty() || store_->get(key))
                    throw;
            }
            try {
                const Value made = merge({});
                return create_object(key.type, made, {.dry_run = options.dry_run},
                                     made.get("metadata", "managedFields"));
            } catch (const Error& e) {
                if (e.kind() != ErrorKind::kAlreadyExists) throw;  // somebody else was faster: it is merged
            }
        }
    }

    // An apply brings its managedFields along; of other writes they are worked out.
    Value change_object(const ObjectKey& key, const Manager& manager, bool is_dry_run,
                        const std::function<Value(const Value& stored)>& wanted, bool is_apply = false) {
        const ResourceDescription description = types_.at(key.type);
        Value result = store_->write([&](Transaction& change) {
            const auto stored = change.get(key);
            if (!stored) throw not_found(key);
            const Value asked = wanted(*stored);
            Value next = prepare_change(description, *stored, asked, manager.subresource);
            const Value fields = is_apply ? asked.get("metadata", "managedFields")
                                 : next == *stored
                                     ? stored->get("metadata", "managedFields")
                                     : managed_fields_after(key.type, *stored, next, manager, clock_.now());
            set_managed_fields(next, fields);
            if (is_dry_run || next == *stored) return next;
            check_size(next);
            const bool is_leaving = !next.get("metadata", "deletionTimestamp").is_nil();
            const bool is_stopping_pod =
                key.type == types::kPods && next.get("metadata", "deletionGracePeriodSeconds").int_or(0) > 0;
            if (is_leaving && !has_finalizers(next) && !is_stopping_pod) {
                (void)change.put(key, next);
                return change.erase(key);
            }
            return change.put(key, std::move(next));
        });
        if (key.type == types::kCustomResourceDefinitions && !is_dry_run) {
            const bool is_gone =
                !result.get("metadata", "deletionTimestamp").is_nil() && !has_finalizers(result);
            is_gone ? types_.forget(result) : types_.define(result);
        }
        return result;
    }

    static void set_managed_fields(Value& object, const Value& fields) {
        if (!fields.is_nil())
            object["metadata"]["managedFields"] = fields;
        else if (object.get("metadata").find("managedFields") != nullptr)
            object["metadata"].erase("managedFields");
    }

    static void check_preconditions(const ObjectKey& key, const Value& stored, const DeleteOptions& options) {
        const auto check = [&](const char* what, const std::string& wanted, const std::string& have) {
            if (wanted.empty() || wanted == have) return;
            throw Error(ErrorKind::kConflict,
                        "Operation cannot be fulfilled on " + qualified_name(key.type) + " \"" + key.name +
                            "\": the " + what + " in the precondition (" + wanted + ") does not match the " +
                            what + " in record (" + have + ")");
        };
        check("UID", options.precondition_uid, uid_of(stored));
        check("ResourceVersion", options.precondition_resource_version, resource_version_of(stored));
    }

    // A Pod gets its grace period (the runtime ends it and removes it then); what has finalizers waits for
    // them.
    Value remove_or_mark(Transaction& change, const ObjectKey& key, const Value& stored,
                         const DeleteOptions& options) {
        Value object = stored;
        Value& metadata = object["metadata"];
        const auto add_finalizer = [&](const char* name) {
            Value& list = metadata["finalizers"];
            for (const Value& present : list.list_or_empty()) {
                if (present == Value(name)) return;
            }
            list.push_back(name);
        };
        const bool is_leaving = !stored.get("metadata", "deletionTimestamp").is_nil();
        if (!is_leaving) {
            if (options.propagation == DeleteOptions::Propagation::kForeground)
                add_finalizer("foregroundDeletion");
            if (options.propagation == DeleteOptions::Propagation::kOrphan) add_finalizer("orphan");
        }
        std::int64_t grace = 0;
        if (key.type == types::kPods && runs_pods_) {
            grace = options.grace_period ? options.grace_period->count()
                                         : object.get("spec", "terminationGracePeriodSeconds").int_or(30);
            if (is_leaving)
                grace = std::min(grace, stored.get("metadata", "deletionGracePeriodSeconds").int_or(grace));
        }
        if (grace <= 0 && !has_finalizers(object)) return change.erase(key);
        const bool is_shorter = key.type == types::kPods &&
                                stored.get("metadata", "deletionGracePeriodSeconds").int_or(-1) != grace;
        if (!is_leaving || is_shorter) {
            metadata["deletionTimestamp"] = format_rfc3339(clock_.now() + std::chrono::seconds(grace));
            metadata["deletionGracePeriodSeconds"] = grace;
            if (key.type == types::kNamespaces) object["status"]["phase"] = "Terminating";
            return change.put(key, std::move(object));
        }
        return stored;
    }

    Clock& clock_;
    const bool runs_pods_;
    TypeTable types_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<Controllers> controllers_;
    std::unique_ptr<PodBackend> pods_;
};

}  // namespace

std::unique_ptr<Cluster> open_local_cluster(const LocalOptions& options, Clock& clock, Log& log) {
    std::error_code failed;
    std::filesystem::create_directories(options.data_dir, failed);
    if (failed) throw errno_error("cannot make the data folder " + options.data_dir.string(), failed.value());
    std::filesystem::permissions(options.data_dir, std::filesystem::perms::others_write,
                                 std::filesystem::perm_options::remove, failed);
    return std::make_unique<LocalCluster>(options, clock, log);
}

}  // namespace fencepost::cluster::local
