// Answers requests on standard input, one JSON document a line, as graphql_reference.mjs does with the npm package, so that the two can be
// compared: {"sdl","query","root"?,"variables"?,"operationName"?,"limits"?} → {"schema"?: error} or {"errors"?, "data"?}. With {"time": n}
// it prepares the document n times and adds the microseconds of one. The schema is kept while "sdl" is the same or absent.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include "frontends/graphql/language/execute.h"

namespace {

using namespace vigil::graphql;  // NOLINT(google-build-using-namespace): a program of one file
using vigil::Json;

struct Loaded {
  std::string sdl;
  std::unique_ptr<const Schema> schema;
  std::unique_ptr<Resolvers> resolvers;
};

Limits LimitsOf(const Json& request) {
  Limits limits;
  if (request.value("limits", true)) return limits;
  limits.tokens_max = limits.fields_max = limits.depth_max = limits.introspection_depth_max = limits.aliases_max = limits.directives_max =
      1'000'000;
  limits.cost_max = int64_t{1} << 40;
  limits.merge_pairs_max = 500'000;
  return limits;
}

std::string Answer(const Json& request, Loaded* loaded) {
  if (request.contains("sdl") && request["sdl"] != loaded->sdl) {
    auto schema = Schema::FromSdl(request["sdl"].get<std::string>());
    if (!schema.ok()) return vigil::DumpJson({{"schema", std::string(schema.status().message())}});
    loaded->sdl = request["sdl"].get<std::string>();
    loaded->resolvers.reset();
    loaded->schema = *std::move(schema);
    loaded->resolvers = std::make_unique<Resolvers>(*loaded->schema);
  }
  if (loaded->schema == nullptr) return R"({"schema":"none yet"})";
  if (!request.contains("query")) return "{}";
  const Limits limits = LimitsOf(request);
  const auto query = request["query"].get<std::string>();
  if (const int times = request.value("time", 0); times > 0) {
    double best = 1e9;
    for (int i = 0; i < times; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      Prepare(*loaded->schema, query, limits);
      best = std::min(best, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
    }
    return vigil::DumpJson({{"us", best}});
  }
  const Prepared prepared = Prepare(*loaded->schema, query, limits);
  if (prepared.document == nullptr) return ErrorsText(prepared.errors);
  const std::string name = request.value("operationName", "");
  ExecuteOptions options;
  options.operation_name = name;
  options.limits = limits;
  if (request.contains("variables")) options.variables = &request["variables"];
  if (request.contains("root")) options.root = Value::Borrowed(&request["root"]);
  if (prepared.document->KindOf(name) != OperationKind::kSubscription)
    return Execute(*loaded->resolvers, *prepared.document, options).Text();
  Subscribed subscribed = Subscribe(*loaded->resolvers, prepared.document, options);
  if (!subscribed.subscription) return subscribed.refusal.Text();
  return subscribed.subscription->Next(options.root, options).Text();
}

}  // namespace

int main() {
  Loaded loaded;
  for (std::string line; std::getline(std::cin, line);) {
    const auto request = vigil::ParseJson(line, "request");
    std::cout << (request.ok() ? Answer(*request, &loaded) : std::string(R"({"schema":"the request is no JSON"})")) << std::endl;
  }
}
