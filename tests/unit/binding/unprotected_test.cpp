#include "binding/unprotected.h"

#include <catch2/catch.hpp>

namespace fencepost::binding {

TEST_CASE("images of databases are known by the last part of their name, and their companions are none") {
    struct Case {
        const char* image;
        const char* database;
    };
    for (const auto& [image, database] : {
             Case{"postgres", "postgres"},
             {"postgres:16.1", "postgres"},
             {"docker.io/library/postgres@sha256:00", "postgres"},
             {"registry.example:5000/team/postgresql:15", "postgresql"},
             {"bitnami/mongodb", "mongodb"},
             {"bitnami/mongodb-sharded:7", "mongodb"},
             {"mysql:8", "mysql"},
             {"ghcr.io/cloudnative-pg/postgresql:16", "postgresql"},
             {"", ""},
             {"nginx", ""},
             {"postgresqueue", ""},
             {"my-postgres", ""},
             {"postgres/nginx", ""},
             {"postgres-exporter", ""},
             {"quay.io/x/mysql-operator:1", ""},
             {"redis-proxy", ""},
         }) {
        INFO(image);
        CHECK(database_of_image(image) == database);
    }
}

}  // namespace fencepost::binding
