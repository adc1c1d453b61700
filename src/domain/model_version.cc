#include "domain/model_version.h"

namespace vigil {
namespace {

constexpr std::string_view kStates[] = {"uploading", "registered", "validating", "validated", "rejected", "retired", "deleted"};
constexpr std::string_view kRoles[] = {"champion", "challenger", "shadow"};

template <typename Enum, size_t n>
std::optional<Enum> Find(const std::string_view (&names)[n], std::string_view name) {
  for (size_t i = 0; i < n; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view VersionStateName(VersionState state) { return kStates[static_cast<size_t>(state)]; }
std::optional<VersionState> ParseVersionState(std::string_view name) { return Find<VersionState>(kStates, name); }
std::string_view RoleName(Role role) { return kRoles[static_cast<size_t>(role)]; }
std::optional<Role> ParseRole(std::string_view name) { return Find<Role>(kRoles, name); }

}  // namespace vigil
