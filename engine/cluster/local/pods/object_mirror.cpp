#include "cluster/local/pods/object_mirror.h"

#include <set>

#include "base/error.h"

namespace fencepost::cluster::local {

void ObjectMirror::take(const Value& object, bool is_gone) {
    {
        auto state = state_.lock();
        const Name name{namespace_of(object), name_of(object)};
        if (is_gone) {
            const auto found = state->objects.find(name);
            if (found != state->objects.end() && uid_of(found->second) == uid_of(object))
                state->objects.erase(found);
        } else {
            state->objects[name] = object;
        }
    }
    on_change_(object, is_gone);
}

void ObjectMirror::put(const Value& object) {
    auto state = state_.lock();
    const auto found = state->objects.find({namespace_of(object), name_of(object)});
    if (found != state->objects.end() && uid_of(found->second) == uid_of(object)) found->second = object;
}

void ObjectMirror::run(const CancelToken& cancel, Log& log) {
    while (!cancel.is_cancelled()) {
        try {
            list_and_watch(cancel);
        } catch (const Cancelled&) {
            return;
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kGone)
                log.error("a watch broke", {{"resource", type_.resource}, {"error", e.what()}});
            if (!cancel.wait_for(std::chrono::seconds(1))) return;
        }
    }
}

void ObjectMirror::list_and_watch(const CancelToken& cancel) {
    const ObjectList list = cluster_.list(type_);
    std::set<std::string> present;
    for (const Value& object : list.items) {
        present.insert(uid_of(object));
        take(object, false);
    }
    for (const auto& [name, object] : objects()) {
        if (!present.contains(uid_of(object))) take(object, true);
    }
    state_.lock()->is_synced = true;
    on_change_(Value(), false);
    const auto watch = cluster_.watch(type_, {.resource_version = list.resource_version});
    for (;;) {
        const auto event = watch->next(cancel);
        if (!event || event->type == WatchEvent::Type::kBookmark) continue;
        take(event->object, event->type == WatchEvent::Type::kDeleted);
    }
}

}  // namespace fencepost::cluster::local
