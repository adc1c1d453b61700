// A catalog value from anywhere: the first byte picks the kind. DATA_LOSS naming the value, or what is written back the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "registry/registry_catalog.h"

using namespace vigil;

namespace {

template <typename T>
void Check(std::string_view text, StatusOr<T> (*read)(std::string_view, std::string_view), std::string (*write)(const T&)) {
  const StatusOr<T> value = read(text, "m/1");
  if (!value.ok()) {
    if (!absl::IsDataLoss(value.status()) || value.status().message().find("catalog: m/1") != 0) std::abort();
    return;
  }
  const std::string written = write(*value);
  const StatusOr<T> again = read(written, "again");
  if (!again.ok() || write(*again) != written) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: Check<StoredVersion>(text, VersionFromText, VersionToText); break;
    case 1: Check<StoredRole>(text, RoleFromText, RoleToText); break;
    case 2: Check<Schema>(text, SchemaFromText, SchemaToText); break;
    default: Check<ReferenceProfile>(text, ReferenceFromText, ReferenceToText); break;
  }
  return 0;
}
