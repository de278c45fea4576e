#include "model/image.h"

#include <catch2/catch.hpp>

#include "value/yaml.h"

using namespace fencepost;

TEST_CASE("a reference to an image is told from what is none") {
    const std::string digest(64, 'a');
    for (const std::string& fine :
         {std::string("postgres"), std::string("postgres:16.4"), std::string("library/postgres:16-alpine"),
          std::string("ghcr.io/cloudnative-pg/postgresql:16"),
          std::string("localhost:5000/a/b__c/d---e:x_Y.z"), std::string("localhost/a"), std::string("HOST/a"),
          "postgres@sha256:" + digest, "registry:5000/postgres:16@sha256:" + digest,
          "a:" + std::string(128, 't')}) {
        CAPTURE(fine);
        CHECK(model::problem_of_image(fine).empty());
    }
    for (const std::string& wrong : {std::string(""),
                                     std::string(":16"),
                                     std::string("Postgres:16"),
                                     std::string("postgres:"),
                                     std::string("postgres:16 "),
                                     std::string("postgres: 16"),
                                     std::string("a//b"),
                                     std::string("a/b/"),
                                     std::string("a..b"),
                                     std::string("a___b"),
                                     std::string("-a"),
                                     std::string("host:port/a"),
                                     std::string("postgres:-x"),
                                     std::string("postgres@sha256:abc"),
                                     "postgres@" + digest,
                                     "postgres@sha256:" + std::string(64, 'g'),
                                     "a:" + std::string(129, 't'),
                                     std::string(256, 'a'),
                                     std::string("a:1:2"),
                                     std::string("<work.image>")}) {
        CAPTURE(wrong);
        CHECK_FALSE(model::problem_of_image(wrong).empty());
    }
}

TEST_CASE("an image's tag is what follows the last colon behind the last slash") {
    CHECK(model::tag_of_image("postgres:16") == "16");
    CHECK(model::tag_of_image("localhost:5000/postgres").empty());
    CHECK(model::tag_of_image("localhost:5000/postgres:16@sha256:abc") == "16");
    CHECK(model::tag_of_image("postgres@sha256:abc").empty());
    CHECK(model::has_digest("postgres@sha256:abc"));
    CHECK_FALSE(model::has_digest("postgres:16"));
}

TEST_CASE("the images of a function's arguments are those of its containers and of its override") {
    const Value args = parse_yaml_value(
        "{image: 'a:1', backgroundImage: 'b:1', initImage: '', command: [image], podOverride: {containers: "
        "[{name: x}, {image: 'c:1'}], initContainers: [{image: 'd:1'}]}}");
    std::vector<std::string> found;
    for (const model::ImageUse& use : model::images_of(args)) found.push_back(use.pointer + " " + use.image);
    CHECK(found == std::vector<std::string>{"/backgroundImage b:1", "/image a:1",
                                            "/podOverride/containers/1/image c:1",
                                            "/podOverride/initContainers/0/image d:1"});
}
