// What both sides of pods/exec agree on over a WebSocket: each message's first byte is its channel, and the
// last message is a Status on the error channel. v5 adds the end of a single channel: {kClose, channel}.
#pragma once

#include <string_view>

namespace fencepost::cluster {

enum ExecChannel : char { kStdin = 0, kStdout = 1, kStderr = 2, kError = 3, kResize = 4, kClose = '\xff' };

inline constexpr std::string_view kExecV5 = "v5.channel.k8s.io";
inline constexpr std::string_view kExecV4 = "v4.channel.k8s.io";

}  // namespace fencepost::cluster
