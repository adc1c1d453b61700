#include "frontends/graphql/language/schema.h"

#include <algorithm>
#include <utility>

#include "frontends/graphql/language/parser.h"
#include "frontends/graphql/language/schema_build.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr size_t kProblemsShownMax = 10;

Limits SchemaLimits() {
  Limits limits;
  limits.document_bytes_max = 4 * 1024 * 1024;
  limits.tokens_max = 200'000;
  return limits;
}

Status Refused(const Ast& ast, const SchemaProblems& problems) {
  std::string text = "the GraphQL schema is refused";
  for (size_t i = 0; i < std::min(problems.size(), kProblemsShownMax); ++i) {
    const Location place = ast.source.Locate(problems[i].at);
    Append(&text, i == 0 ? ": " : "; ", "line ", place.line, ", column ", place.column, ": ", problems[i].message);
  }
  if (problems.size() > kProblemsShownMax) Append(&text, "; and ", problems.size() - kProblemsShownMax, " more");
  return absl::InvalidArgumentError(text);
}

}  // namespace

Schema::Schema(std::unique_ptr<TypeSystem> types) : types_(std::move(types)) {}
Schema::~Schema() = default;

std::string_view Schema::sdl() const { return types_->ast->source.text(); }

StatusOr<std::unique_ptr<const Schema>> Schema::FromSdl(std::string sdl) {
  Parsed parsed = Parse(std::move(sdl), SchemaLimits());
  if (parsed.error) {
    const Location place = parsed.error->locations.empty() ? Location() : parsed.error->locations.front();
    return absl::InvalidArgumentError(
        Concat("the GraphQL schema is refused: line ", place.line, ", column ", place.column, ": ", parsed.error->message));
  }
  auto types = std::make_unique<TypeSystem>();
  types->built_in = Parse(std::string(BuiltInSdl()), SchemaLimits()).ast;
  types->ast = std::move(parsed.ast);
  SchemaProblems problems;
  CheckDefinitions(*types->built_in, *types->ast, &problems);
  if (!problems.empty()) return Refused(*types->ast, problems);
  BuildTypes(types.get(), &problems);
  CheckTypes(*types, &problems);
  if (!problems.empty()) return Refused(*types->ast, problems);
  return std::unique_ptr<const Schema>(new Schema(std::move(types)));
}

}  // namespace vigil::graphql
