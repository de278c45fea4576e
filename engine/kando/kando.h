// kando, the data mover: the command that blueprints call to put bytes into a profile's location and to get
// them back, with the command lines of Kanister's tool of that name. Everything that it sees of the outside
// is in World, so that tests run it in process.
//
// Exit codes, as Kanister's: 0 for success, 69 (EX_UNAVAILABLE) for every failure but that of `wal fetch`,
// which PostgreSQL reads something into (archive/wal.h). Messages go to stderr, one JSON object a line (plain
// text on a terminal). Thread safety: one run at a time uses one World.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "net/http_client.h"

namespace fencepost::kando {

inline constexpr int kExitFailure = 69;

struct World {
    int in = 0;  // file descriptors, borrowed
    int out = 1;
    int err = 2;
    std::function<std::optional<std::string>(const std::string& name)> environment;
    net::HttpClient& http;
    Clock& clock;
    CancelToken cancel;
    std::string version;
};

// `args` is the command line without the program's name. Never throws.
[[nodiscard]] int run(const std::vector<std::string>& args, const World& world) noexcept;

}  // namespace fencepost::kando
