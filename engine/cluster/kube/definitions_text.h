// The files of charts/fencepost/crds, built into the program; one YAML stream.
#pragma once

namespace fencepost::cluster::kube {

[[nodiscard]] const char* definitions_text();

}  // namespace fencepost::cluster::kube
