// Schemas of any bytes: refused with a reason, or good enough to be introspected whole.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "frontends/graphql/language/execute.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil::graphql;
  const auto schema = Schema::FromSdl(std::string(reinterpret_cast<const char*>(data), size));
  if (!schema.ok()) {
    if (schema.status().message().empty()) std::abort();
    return 0;
  }
  const Resolvers resolvers(**schema);
  if (!resolvers.Check().ok()) std::abort();
  const Prepared prepared = Prepare(
      **schema,
      "{ __schema { types { kind name description interfaces { name } possibleTypes { name } enumValues { name } inputFields { name "
      "defaultValue }"
      " fields { name args { name defaultValue } type { name kind ofType { name } } } } directives { name args { defaultValue } } } }");
  if (prepared.document == nullptr) std::abort();
  const Response response = Execute(resolvers, *prepared.document, {});
  if (!response.executed || !response.errors.empty()) std::abort();
  return 0;
}
