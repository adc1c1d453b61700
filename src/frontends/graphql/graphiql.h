// GraphiQL's files, embedded when the program was built (ui/graphiql/dist, made by Vite). None when it had not been built.
#pragma once

#include "absl/types/span.h"
#include "frontends/ui/bundle.h"

namespace vigil {

absl::Span<const UiFile> GraphiqlFiles();

}  // namespace vigil
