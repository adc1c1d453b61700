#include "service/profile_file.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "domain/profile_json.h"

namespace vigil {

StatusOr<std::shared_ptr<const ReferenceProfile>> ReadProfileFile(const std::string& path) {
  if (path.empty()) return nullptr;
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("reference profile ", path, " cannot be opened"));
  std::stringstream text;
  text << file.rdbuf();
  VIGIL_ASSIGN_OR_RETURN(ReferenceProfile profile, ProfileFromJson(text.str(), path));
  return std::make_shared<const ReferenceProfile>(std::move(profile));
}

}  // namespace vigil
