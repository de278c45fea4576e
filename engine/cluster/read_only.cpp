#include "cluster/read_only.h"

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::cluster {
namespace {

constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";  // holds them again

Value hidden(const ResourceType& type, Value object) {
    if (type != types::kSecrets) return object;
    const std::string whose = namespace_of(object) + "/" + name_of(object);
    object["metadata"]["annotations"].erase(kLastApplied);
    object.erase("stringData");
    for (auto& [key, value] : object["data"].writable_map())
        value = base64_encode("<" + key + " of secret " + whose + ">");
    return object;
}

[[noreturn]] void refuse() { throw Error(ErrorKind::kUnsupported, "here objects can only be read"); }

}  // namespace

Value HiddenSecrets::get(const ObjectKey& key) { return hidden(key.type, behind_.get(key)); }

ObjectList HiddenSecrets::list(const ResourceType& type, const ListOptions& options) {
    ObjectList found = behind_.list(type, options);
    for (Value& object : found.items) object = hidden(type, std::move(object));
    return found;
}

std::unique_ptr<Watch> ReadOnlyCluster::watch(const ResourceType&, const WatchOptions&) { refuse(); }
Value ReadOnlyCluster::create(const ResourceType&, const Value&, const WriteOptions&) { refuse(); }
Value ReadOnlyCluster::replace(const ResourceType&, const Value&, const WriteOptions&) { refuse(); }
Value ReadOnlyCluster::patch(const ObjectKey&, PatchType, const Value&, const PatchOptions&) { refuse(); }
Value ReadOnlyCluster::remove(const ObjectKey&, const DeleteOptions&) { refuse(); }
ExecResult ReadOnlyCluster::exec(std::string_view, std::string_view, const ExecOptions&, const CancelToken&) {
    refuse();
}
void ReadOnlyCluster::post_guard(const Guard&) { refuse(); }
void ReadOnlyCluster::relieve_guard(std::string_view, const std::function<void()>&, const CancelToken&) {
    refuse();
}
void ReadOnlyCluster::logs(std::string_view, std::string_view, const LogOptions&,
                           const std::function<void(std::string_view)>&, const CancelToken&) {
    refuse();
}

}  // namespace fencepost::cluster
