// Each of the clusters that there are, for tests that ask all of them the same: "embedded"; "facade", the
// embedded one as a client of its own API sees it; and "kubernetes", that of $FENCEPOST_TEST_KUBECONFIG.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "api/api.h"
#include "base/encodings.h"
#include "base/error.h"
#include "cluster/kube/kube_cluster.h"
#include "cluster/local/local_cluster.h"

namespace fencepost::cluster {

inline std::string environment(const char* name, const char* otherwise = "") {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it while we run
    return value == nullptr ? otherwise : value;
}

inline constexpr const char* kKubeconfig = "FENCEPOST_TEST_KUBECONFIG";

inline std::vector<std::string> clusters() {
    std::vector<std::string> all{"embedded", "facade"};
    if (!environment(kKubeconfig).empty()) all.emplace_back("kubernetes");
    static const bool is_told = [&] {
        if (all.size() == 2) std::cout << "no real API server is asked: " << kKubeconfig << " names none\n";
        return true;
    }();
    (void)is_told;
    return all;
}

// With a namespace of its own, which goes with it.
class AnyCluster {
  public:
    explicit AnyCluster(const std::string& which) : which_(which) {
        if (is_real()) {
            connect(kube::read_kubeconfig(clock_, {environment(kKubeconfig)}));
        } else {
            std::filesystem::create_directories(folder_);
            local_ = local::open_local_cluster(
                {.data_dir = folder_,
                 .program_dir = std::filesystem::canonical("/proc/self/exe").parent_path()},
                clock_, log_);
            if (which == "facade") {
                api = api::start_api({}, *local_, {}, clock_, log_);
                kube::Connection connection;
                connection.server = "http://127.0.0.1:" + std::to_string(api->port());
                connection.authorization = [] { return std::string(); };
                connect(std::move(connection));
            }
        }
        cluster().create(types::kNamespaces, Value(Map{{"metadata", Map{{"name", ns}}}}));
    }
    AnyCluster(const AnyCluster&) = delete;
    AnyCluster& operator=(const AnyCluster&) = delete;
    ~AnyCluster() {
        directly().remove({types::kNamespaces, "", ns});
        remote_.reset();
        api.reset();
        local_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    [[nodiscard]] bool is_real() const { return which_ == "kubernetes"; }
    Cluster& cluster() { return remote_ ? *remote_ : *local_; }
    // Also where the test has stopped the API.
    Cluster& directly() { return local_ ? *local_ : *remote_; }

    template <typename Work>
    static ErrorKind kind_of(Work work) {
        try {
            work();
        } catch (const Error& e) {
            INFO(e.what());
            return e.kind();
        }
        FAIL("nothing was refused");
        return ErrorKind::kInternal;
    }

    const std::string ns = "test-" + random_name_suffix(8);
    std::unique_ptr<api::Api> api;  // of "facade"

  private:
    void connect(kube::Connection connection) {
        remote_ = kube::open_kube_cluster(std::move(connection), *http_, clock_, {});
    }

    const std::string which_;
    const std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("fencepost-" + ns);
    SystemClock clock_;
    Log log_{STDERR_FILENO, Log::Format::kText, LogLevel::kError};
    const std::unique_ptr<net::HttpClient> http_ = net::make_http_client();
    std::unique_ptr<Cluster> local_;
    std::unique_ptr<Cluster> remote_;
};

}  // namespace fencepost::cluster

// The rest of the test case runs on each of them, as a `world` of type World.
#define ON_EVERY_CLUSTER()                                                          \
    const std::string which = GENERATE(from_range(fencepost::cluster::clusters())); \
    INFO("cluster: " << which);                                                     \
    World world(which)
