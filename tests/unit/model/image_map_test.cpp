#include "model/image_map.h"

#include <catch2/catch.hpp>

#include "tests/unit/location/error_of.h"

namespace fencepost::model {

using Catch::Contains;
using testing::error_of;

TEST_CASE("an image runs as the first entry that fits says") {
    const ImageMap map = ImageMap::parse(
        "ghcr.io/kanisterio/kanister-tools=registry:5000/tools:1.2, "
        "ghcr.io/kanisterio/*=mirror.example.com/all\n"
        "postgres:15=ours/postgres15 ghcr.io/kanisterio/late=never:1,localhost:5000/a=b:2");
    struct Case {
        const char* asked;
        const char* runs;
    };
    for (const Case& each :
         {Case{"ghcr.io/kanisterio/kanister-tools:0.119.0", "registry:5000/tools:1.2"},
          Case{"ghcr.io/kanisterio/kanister-tools", "registry:5000/tools:1.2"},
          Case{"ghcr.io/kanisterio/mysql-sidecar:0.119.0", "mirror.example.com/all:0.119.0"},
          Case{"ghcr.io/kanisterio/mysql-sidecar", "mirror.example.com/all"},
          Case{"ghcr.io/kanisterio/late:3", "mirror.example.com/all:3"},
          Case{"ghcr.io/kanisterio2/x:1", "ghcr.io/kanisterio2/x:1"},
          Case{"postgres:15", "ours/postgres15:15"}, Case{"postgres:16", "postgres:16"},
          Case{"postgres", "postgres"}, Case{"localhost:5000/a:1", "b:2"},
          Case{"ghcr.io/kanisterio/kanister-tools@sha256:"
               "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
               "registry:5000/tools:1.2"}}) {
        CAPTURE(each.asked);
        CHECK(map.of(each.asked) == each.runs);
    }
    CHECK(ImageMap().of("a:1") == "a:1");
    CHECK(ImageMap::parse(" ,\n").text().empty());
    CHECK(ImageMap::parse(map.text()).text() == map.text());
}

TEST_CASE("an entry that maps no image is refused by name") {
    for (const auto& [text, why] :
         {std::pair{"tools", "it has no '='"}, std::pair{"a=", "it has no name"},
          std::pair{"=b:1", "it has no name"}, std::pair{"a=B!:1", "is no part of a name"},
          std::pair{"a=b:.x", "is no tag"}, std::pair{"g*r/a=b:1", "is no part of a name"},
          std::pair{"*a/*=b:1", "at the end"},
          std::pair{"a=b@sha256:0123456789abcdef0123456789abcdef", "has a digest"}}) {
        CAPTURE(text);
        const Error error = error_of([&] { (void)ImageMap::parse(std::string("x=y:1,") + text); });
        CHECK(error.kind() == ErrorKind::kInvalid);
        CHECK_THAT(error.message(), Contains("'" + std::string(text) + "' maps no image") && Contains(why));
    }
}

}  // namespace fencepost::model
