#include "aws/xml.h"

#include <catch2/catch.hpp>

#include "tests/unit/location/error_of.h"

namespace fencepost::aws {

using testing::error_of;

TEST_CASE("XML is read strictly") {
    const XmlNode node = parse_xml(
        "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c -->\n"
        "<s:A xmlns:s='urn:x' b=\"1\"><B>x &lt;&amp;&gt; &#65;&#x42; "
        "&quot;&apos;</B><C/><D><![CDATA[<raw>&]]></D></s:A>\n");
    CHECK(node.name == "A");
    CHECK(node.child_text("B") == "x <&> AB \"'");
    CHECK(node.child("C") != nullptr);
    CHECK(node.child_text("D") == "<raw>&");
    CHECK(node.child_text("E").empty());
    for (const std::string bad : {"",
                                  "x",
                                  "<a>",
                                  "<a></b>",
                                  "<a><b></a></b>",
                                  "<a/><b/>",
                                  "<a>&x;</a>",
                                  "<a>&#0;</a>",
                                  "<a>&#xD800;</a>",
                                  "<a>&#99999999999;</a>",
                                  "<a>&</a>",
                                  "<a>&;</a>",
                                  "<a>&#;</a>",
                                  "<a>&#x;</a>",
                                  "<a b></a>",
                                  "<a b='1></a>",
                                  "<a b='<'></a>",
                                  "<!DOCTYPE a><a/>",
                                  "<a><!DOCTYPE b></a>",
                                  "<a b='1'c='2'/>",
                                  "<1/>",
                                  "<a>x",
                                  "<a",
                                  "<a><![CDATA[x</a>",
                                  "<a><!-- x</a>"}) {
        CAPTURE(bad);
        CHECK(error_of([&] { static_cast<void>(parse_xml(bad)); }).kind() == ErrorKind::kDataLoss);
    }
    std::string deep = "x";
    for (int i = 0; i < kMaxXmlDepth; ++i) deep = "<a>" + deep + "</a>";
    CHECK(parse_xml(deep).name == "a");
    CHECK_THROWS_AS(parse_xml("<a>" + deep + "</a>"), Error);
    std::string wide = "<a>";
    for (std::size_t i = 1; i < kMaxXmlNodes; ++i) wide += "<b/>";
    CHECK(parse_xml(wide + "</a>").children.size() == kMaxXmlNodes - 1);
    CHECK_THROWS_AS(parse_xml(wide + "<b/></a>"), Error);
}

}  // namespace fencepost::aws
