// What /metrics tells, in Prometheus' text format. Requests are counted as they end; actions and phases are
// counted by a thread that watches ActionSets, so that a scrape costs the same however many there are. Thread
// safety: all members may be called from any thread. The destructor ends the thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/services.h"

namespace fencepost::api {

class Metrics {
  public:
    // store_bytes may be empty.
    Metrics(Services& services, std::function<std::uint64_t()> store_bytes);
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;
    ~Metrics();
    void count_request(std::string_view method, std::string_view route, int status,
                       std::chrono::nanoseconds took);
    [[nodiscard]] std::string text();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fencepost::api
