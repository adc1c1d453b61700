// Documents of any bytes: parsed within the limits or refused with a place inside the text; what is parsed is the same when it is parsed
// again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "frontends/graphql/syntax/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil::graphql;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Parsed parsed = Parse(text, {});
  if (parsed.error) {
    const Error& error = *parsed.error;
    if (error.message.empty() || error.locations.size() != 1) std::abort();
    if (error.locations[0].line > size + 1 || error.locations[0].column > size + 1) std::abort();
    return 0;
  }
  if (parsed.ast->definitions.empty()) std::abort();
  for (const Definition& definition : parsed.ast->definitions) {
    if (definition.at >= size || definition.executable() != (definition.set != nullptr)) std::abort();
  }
  const Parsed again = Parse(text, {});
  if (again.error || again.ast->definitions.size() != parsed.ast->definitions.size()) std::abort();
  return 0;
}
