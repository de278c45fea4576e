#include <map>

#include "archive/wal.h"

namespace fencepost::archive {
namespace {

constexpr std::string_view kEnding = ".zst";

void add(TimelineWal& timeline, std::uint64_t number, std::uint64_t stored_bytes) {
    if (timeline.segments == 0) {
        timeline.first = number;
    } else if (number > timeline.last + 1) {
        timeline.gaps.push_back({timeline.last + 1, number - 1});
    }
    timeline.last = number;
    ++timeline.segments;
    timeline.stored_bytes += stored_bytes;
}

}  // namespace

void for_each_wal(const Store& store, const std::function<void(const WalName&, std::uint64_t)>& visit,
                  const CancelToken& cancel) {
    store.location().list(
        store.key("wal/"),
        [&](const location::ObjectStat& object) {
            const std::string_view file = std::string_view(object.key).substr(object.key.rfind('/') + 1);
            if (!file.ends_with(kEnding)) return;
            if (const auto name = WalName::parse(file.substr(0, file.size() - kEnding.size())))
                visit(*name, object.size);
        },
        cancel);
}

WalListing list_wal(const Store& store, const CancelToken& cancel) {
    WalListing listing{.identity = store.identity(cancel)};
    if (!listing.identity) return listing;
    std::map<std::uint32_t, TimelineWal> timelines;  // within one, names are in the order of their numbers
    for_each_wal(
        store,
        [&](const WalName& name, std::uint64_t stored_bytes) {
            if (name.kind != WalKind::kSegment) return;
            TimelineWal& timeline = timelines[name.timeline];
            timeline.timeline = name.timeline;
            add(timeline, name.number(listing.identity->segment_bytes), stored_bytes);
        },
        cancel);
    for (auto& [number, timeline] : timelines) listing.timelines.push_back(std::move(timeline));
    return listing;
}

}  // namespace fencepost::archive
