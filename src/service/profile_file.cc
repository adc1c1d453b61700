#include "service/profile_file.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "domain/profile_json.h"
#include "storage/whole_file.h"

namespace vigil {
namespace {

constexpr int64_t kProfileBytesMax = 1 << 30;

}  // namespace

StatusOr<std::shared_ptr<const ReferenceProfile>> ReadProfileFile(const std::string& path) {
  if (path.empty()) return nullptr;
  StatusOr<std::string> text = ReadWholeFile(path, kProfileBytesMax);
  if (!text.ok()) return Status(text.status().code(), absl::StrCat("reference profile: ", std::string(text.status().message())));
  VIGIL_ASSIGN_OR_RETURN(ReferenceProfile profile, ProfileFromJson(*text, path));
  return std::make_shared<const ReferenceProfile>(std::move(profile));
}

}  // namespace vigil
