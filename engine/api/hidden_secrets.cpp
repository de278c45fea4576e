#include "api/hidden_secrets.h"

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::api {
namespace {

constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";  // holds them again

Value hidden(const cluster::ResourceType& type, Value object) {
    if (type != cluster::types::kSecrets) return object;
    const std::string whose = cluster::namespace_of(object) + "/" + cluster::name_of(object);
    object["metadata"]["annotations"].erase(kLastApplied);
    object.erase("stringData");
    for (auto& [key, value] : object["data"].writable_map())
        value = base64_encode("<" + key + " of secret " + whose + ">");
    return object;
}

[[noreturn]] void refuse() { throw Error(ErrorKind::kUnsupported, "a preview changes and runs nothing"); }

}  // namespace

Value HiddenSecrets::get(const cluster::ObjectKey& key) { return hidden(key.type, behind_.get(key)); }

cluster::ObjectList HiddenSecrets::list(const cluster::ResourceType& type,
                                        const cluster::ListOptions& options) {
    cluster::ObjectList found = behind_.list(type, options);
    for (Value& object : found.items) object = hidden(type, std::move(object));
    return found;
}

std::unique_ptr<cluster::Watch> HiddenSecrets::watch(const cluster::ResourceType&,
                                                     const cluster::WatchOptions&) {
    refuse();
}
Value HiddenSecrets::create(const cluster::ResourceType&, const Value&, const cluster::WriteOptions&) {
    refuse();
}
Value HiddenSecrets::replace(const cluster::ResourceType&, const Value&, const cluster::WriteOptions&) {
    refuse();
}
Value HiddenSecrets::patch(const cluster::ObjectKey&, cluster::PatchType, const Value&,
                           const cluster::PatchOptions&) {
    refuse();
}
Value HiddenSecrets::remove(const cluster::ObjectKey&, const cluster::DeleteOptions&) { refuse(); }
cluster::ExecResult HiddenSecrets::exec(std::string_view, std::string_view, const cluster::ExecOptions&,
                                        const CancelToken&) {
    refuse();
}
void HiddenSecrets::post_guard(const cluster::Guard&) { refuse(); }
void HiddenSecrets::relieve_guard(std::string_view, const std::function<void()>&, const CancelToken&) {
    refuse();
}
void HiddenSecrets::logs(std::string_view, std::string_view, const cluster::LogOptions&,
                         const std::function<void(std::string_view)>&, const CancelToken&) {
    refuse();
}

}  // namespace fencepost::api
