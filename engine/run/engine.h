// Engine: watches ActionSets and runs them, at most max_running at once; the others wait as records. At the
// start it goes on with what an earlier daemon left. spec.cancel: true, or deleting the object, cancels; the
// finalizer fencepost.io/cleanup keeps a deleted ActionSet until its deferPhase has run and nothing is
// fenced.
//
//     run::Engine engine(world, functions::catalog(), {.log_folder = data / "logs"});
//     engine.start();
//
// Ownership: the world is borrowed and outlives the engine. Thread safety: all members may be called from any
// thread. The destructor stops.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "run/function.h"

namespace fencepost::run {

inline constexpr int kDefaultMaxRunning = 200;

struct EngineOptions {
    int max_running = kDefaultMaxRunning;
    std::filesystem::path log_folder;
};

class Engine {
  public:
    Engine(World& world, Catalog catalog, EngineOptions options);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();

    void start();
    // What runs is left for the next daemon to go on with. Fences are lifted: the next daemon may be long in
    // coming; an action whose fence was lifted so is failed by the one that goes on.
    void stop();

    // The log of a phase, or of all phases in order where `phase` is ""; with follow until the action ends.
    // Throws kNotFound for an ActionSet that is not there.
    void logs(const std::string& ns, const std::string& action_set, const std::string& phase, bool follow,
              const std::function<void(std::string_view)>& sink, const CancelToken& cancel) const;
    [[nodiscard]] List obligations(bool with_discharged) const;
    // An operator's wish: undo it now (the action that needed it fails then), or give it longer.
    void release_obligation(const std::string& id, const CancelToken& cancel);
    void extend_obligation(const std::string& id, SystemTime deadline, const CancelToken& cancel);
    struct Load {
        std::size_t running = 0;
        std::size_t waiting = 0;
    };
    [[nodiscard]] Load load() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fencepost::run
