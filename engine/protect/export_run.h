// ExportRun: one ExportAction from its first sight to its end, on the calling thread:
//
//   the restore point's signature; preHook; each volume: a claim of its copy beside the controller, whose
//   files go to the location; the manifests; onSuccess; the content, and its index last of all; then the
//   RestorePointContent that stands for it, and its RestorePoint
//
// The new content needs nothing of the old one's copies and Secrets. What blueprints' actions have left
// (artifacts) is where it was pushed to; the content tells where that is. Claims, snapshots and ActionSets
// have names derived from the ExportAction's, so a later daemon goes on. What failed leaves nothing: no
// claim, no index, and no snapshot in the repository.
#pragma once

#include <optional>
#include <string>

#include "protect/action_status.h"
#include "protect/exports.h"
#include "protect/hooks.h"
#include "protect/volume_data.h"

namespace fencepost::protect {

inline constexpr const char* kExportProfile =
    "fencepost.io/export-profile";  // label of what was exported: the Profile

class ExportRun {
  public:
    ExportRun(run::World& world, const Value& object, Tokens tokens);
    // Returns when the action is over, durably. Throws Cancelled{kShutdown} and leaves what runs as it is.
    void run();

  private:
    void export_all();
    [[nodiscard]] Value find_content();
    void check_names(const Value& content);
    void copy_volume(const Value& volume, const List& manifests);
    void offer(const Value& volume, const List& manifests);
    void withdraw(const Value& volume);
    void make_restore_point(const Value& content);
    [[nodiscard]] Value exported_spec(const Value& content);
    [[nodiscard]] Value index_of(const Value& spec, const Value& stored);
    void discard();
    [[nodiscard]] std::string content_name() const;
    [[nodiscard]] VolumeMove move_of(const Value& volume) const;

    run::World& world_;
    const Tokens tokens_;
    ActionStatus status_;
    Hooks hooks_;
    std::optional<Exports> exports_;
};

}  // namespace fencepost::protect
