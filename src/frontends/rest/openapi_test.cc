#include "frontends/rest/openapi.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "base/testing/paths.h"
#include "frontends/rest/request.h"
#include "frontends/rest/router.h"
#include "frontends/words.h"

namespace vigil {
namespace {

TEST(OpenApi, ListsExactlyTheRoutes) {
  const Json document = BuildOpenApi(AllRoutes(), "test");
  std::set<std::string> described, served, ids;
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      described.insert(Concat(method, " ", path));
      EXPECT_TRUE(ids.insert(operation["operationId"].get<std::string>()).second) << path;
      EXPECT_TRUE(operation["responses"].contains("default"));
      EXPECT_FALSE(operation["summary"].get<std::string>().empty());
    }
  }
  for (const Route& route : AllRoutes()) {
    std::string path(route.pattern);
    if (const size_t dots = path.find("..."); dots != std::string::npos) path.erase(dots, 3);
    std::string method;
    for (const char c : net::MethodName(route.method)) method.push_back(LowerAscii(c));
    served.insert(Concat(method, " ", path));
    EXPECT_NE(route.inline_handler != nullptr, route.operation != nullptr) << path;
  }
  EXPECT_EQ(described, served);
  EXPECT_EQ(served.size(), AllRoutes().size());
}

void CollectReferences(const Json& value, std::set<std::string>* names) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      if (key == "$ref") names->insert(member.get<std::string>());
      CollectReferences(member, names);
    }
  } else if (value.is_array()) {
    for (const Json& item : value) CollectReferences(item, names);
  }
}

TEST(OpenApi, EveryReferenceResolvesAndEverySchemaIsUsed) {
  const Json document = BuildOpenApi(AllRoutes(), "test");
  std::set<std::string> names;
  CollectReferences(document, &names);
  for (const auto& [name, schema] : document["components"]["schemas"].items()) {
    EXPECT_EQ(names.erase(Concat("#/components/schemas/", name)), 1u) << name << " is never used";
  }
  EXPECT_TRUE(names.empty()) << *names.begin();
}

TEST(OpenApi, EveryQueryParameterIsDescribed) {
  const Json document = BuildOpenApi(AllRoutes(), "test");
  for (const Route& route : AllRoutes()) {
    if (route.query.empty()) continue;
    std::string method;
    for (const char c : net::MethodName(route.method)) method.push_back(LowerAscii(c));
    const Json& parameters = document["paths"][std::string(route.pattern)][method]["parameters"];
    size_t in_query = 0, named = 0;
    for (const Json& parameter : parameters) in_query += parameter["in"] == "query" ? 1 : 0;
    for (std::string_view names = route.query; !names.empty(); ++named) TakeUntil(names, ' ');
    EXPECT_EQ(in_query, named) << route.pattern;
  }
}

// api/openapi.json is what clients are generated from; VIGIL_UPDATE_GOLDEN=1 writes it.
TEST(OpenApi, TheCheckedInDocumentIsCurrent) {
  const std::string current = DumpJson(BuildOpenApi(AllRoutes(), "0.1.0"), 1) + "\n";
  const std::string path = (testing::SourceDir() / "api" / "openapi.json").string();
  if (std::getenv("VIGIL_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << current;
  std::ifstream in(path);
  std::stringstream kept;
  kept << in.rdbuf();
  EXPECT_TRUE(kept.str() == current) << "run this test with VIGIL_UPDATE_GOLDEN=1 and look at the difference of " << path;
}

TEST(Router, LiteralsWinAndParametersAreTaken) {
  const Router router(AllRoutes());
  const auto predict = router.Find(net::Method::kPost, "/api/v1/models/fraud/predict");
  ASSERT_EQ(predict.outcome, Router::Outcome::kFound);
  EXPECT_EQ(predict.route->id, "predict");
  EXPECT_EQ(predict.params.values[0], "fraud");
  const auto version = router.Find(net::Method::kPost, "/v2/models/a/versions/3/infer");
  EXPECT_EQ(version.params.size, 2u);
  EXPECT_EQ(version.params.values[1], "3");
  EXPECT_EQ(router.Find(net::Method::kGet, "/").route->id, "root");
  EXPECT_EQ(router.Find(net::Method::kGet, "/ui/assets/a.js").params.values[0], "assets/a.js");
  EXPECT_EQ(router.Find(net::Method::kGet, "/ui/").route->id, "uiIndex");
  EXPECT_EQ(router.Find(net::Method::kHead, "/v2").route->id, "oipServer");
  for (const char* path : {"", "x", "//", "/v2/", "/v2/models//ready", "/api/v1", "*"}) {
    EXPECT_EQ(router.Find(net::Method::kGet, path).outcome, Router::Outcome::kNoRoute) << path;
  }
  EXPECT_EQ(router.Find(net::Method::kDelete, "/v2").outcome, Router::Outcome::kNoMethod);
  EXPECT_EQ(router.Hint("/v2/health/raedy"), " (did you mean \"/v2/health/ready\"?)");
}

TEST(Router, EveryRouteFindsItself) {
  const Router router(AllRoutes());
  for (const Route& route : AllRoutes()) {
    std::string path;
    for (const char c : route.pattern) path.push_back(c == '{' || c == '}' ? 'x' : c);
    const auto match = router.Find(route.method, path);
    ASSERT_EQ(match.outcome, Router::Outcome::kFound) << path;
    EXPECT_EQ(match.route, &route) << path;
  }
}

TEST(Request, QueryValues) {
  EXPECT_EQ(QueryValue("a=1&b=x%20y+z&c", "b"), "x y z");
  EXPECT_EQ(QueryValue("a=1&c", "c"), "");
  EXPECT_EQ(QueryValue("a=1", "b"), std::nullopt);
  EXPECT_EQ(QueryValue("%61=1", "a"), "1");
  EXPECT_EQ(PercentDecode("%4G%"), "%4G%");
}

TEST(Request, MediaTypes) {
  const MediaType media = ParseMediaType("Application/JSON ; Charset=\"UTF-8\"; format=pandas-split");
  EXPECT_TRUE(media.Is("application/json"));
  EXPECT_EQ(media.charset, "UTF-8");
  EXPECT_EQ(media.format, "pandas-split");
  EXPECT_TRUE(CheckCharset(media).ok());
  EXPECT_FALSE(CheckCharset(ParseMediaType("text/csv;charset=latin1")).ok());
}

TEST(Request, AcceptQualities) {
  EXPECT_EQ(AcceptQuality("", "text/plain"), 1);
  EXPECT_EQ(AcceptQuality("text/html", "text/plain"), 0);
  EXPECT_EQ(AcceptQuality("text/*;q=0.5, */*;q=0.1", "text/plain"), 0.5);
  EXPECT_EQ(AcceptQuality("text/plain;version=0.0.4;q=0.25,*/*", "text/plain"), 0.25);
  EXPECT_EQ(AcceptQuality("*/*;q=7", "text/plain"), 1);
}

TEST(Request, Traceparent) {
  const auto valid = [](std::string_view header) { return ParseTraceparent(header).trace_id[0] != 0; };
  EXPECT_TRUE(valid("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"));
  EXPECT_TRUE(valid("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"));
  for (const char* bad :
       {"", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01"}) {
    EXPECT_FALSE(valid(bad)) << bad;
  }
}

}  // namespace
}  // namespace vigil
