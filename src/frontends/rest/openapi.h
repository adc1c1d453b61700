// The OpenAPI 3.1 document, made from the routes.
#pragma once

#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "base/json.h"
#include "frontends/rest/route.h"

namespace vigil {

Json BuildOpenApi(absl::Span<const Route> routes, std::string_view version);
// As text.
std::string OpenApiDocument(absl::Span<const Route> routes, std::string_view version);

// openapi_schemas.cc: the components' schemas, by name, as a JSON object.
extern const char kOpenApiSchemas[];
// docs_page.cc: the documentation page, self-contained; reads /openapi.json.
extern const char kDocsPage[];

}  // namespace vigil
