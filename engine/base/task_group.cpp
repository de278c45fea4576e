#include "base/task_group.h"

#include <limits.h>
#include <pthread.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <utility>

#include "base/error.h"

namespace fencepost {

struct TaskGroup::Impl {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t running = 0;
};

namespace {

struct Start {
    std::shared_ptr<TaskGroup::Impl> group;
    std::function<void()> task;
};

}  // namespace

extern "C" {
static void* fencepost_run_task(void* argument) {
    std::unique_ptr<Start> start(static_cast<Start*>(argument));
    try {
        start->task();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "fencepost: a task ended with an exception: %s\n", e.what());
        std::abort();
    }
    start->task = nullptr;  // what the task captured goes before the group may
    std::lock_guard lock(start->group->mutex);
    --start->group->running;
    start->group->changed.notify_all();
    return nullptr;
}
}

TaskGroup::TaskGroup() : impl_(std::make_shared<Impl>()) {}
TaskGroup::~TaskGroup() { join(); }

void TaskGroup::spawn(std::function<void()> task) {
    auto start = std::make_unique<Start>(Start{impl_, std::move(task)});
    {
        std::lock_guard lock(impl_->mutex);
        ++impl_->running;
    }
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread{};
    const int failed = pthread_create(&thread, &attributes, fencepost_run_task, start.get());
    pthread_attr_destroy(&attributes);
    if (failed != 0) {
        std::lock_guard lock(impl_->mutex);
        --impl_->running;
        impl_->changed.notify_all();
        throw errno_error("cannot start a thread", failed);
    }
    (void)start.release();  // the thread owns it now
}

void TaskGroup::join() {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [&] { return impl_->running == 0; });
}

std::size_t TaskGroup::running() const {
    std::lock_guard lock(impl_->mutex);
    return impl_->running;
}

}  // namespace fencepost
