#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/cat.h"
#include "runtime/repository/triton_config.h"

namespace vigil::repository {

StatusOr<VersionPolicy> ParseVersionPolicy(std::string_view text) {
  const std::vector<std::string> words = absl::StrSplit(AbslView(text), absl::ByAnyChar(" ,"), absl::SkipEmpty());
  const auto refuse = [&] {
    return absl::InvalidArgumentError(
        Cat("versions \"", text.substr(0, 64), "\": expected \"latest\", \"latest N\", \"all\", or numbers as in \"1 3\""));
  };
  VersionPolicy policy;
  if (words.empty()) return refuse();
  if (words[0] == "all" && words.size() == 1) {
    policy.kind = VersionPolicy::Kind::kAll;
    return policy;
  }
  if (words[0] == "latest" && words.size() <= 2) {
    if (words.size() == 2 && (!absl::SimpleAtoi(words[1], &policy.latest) || policy.latest < 1)) return refuse();
    return policy;
  }
  policy.kind = VersionPolicy::Kind::kSpecific;
  for (const std::string& word : words) {
    if (!absl::SimpleAtoi(word, &policy.versions.emplace_back()) || policy.versions.back() < 0) return refuse();
  }
  std::sort(policy.versions.begin(), policy.versions.end());
  return policy;
}

std::string VersionPolicyText(const VersionPolicy& policy) {
  switch (policy.kind) {
    case VersionPolicy::Kind::kLatest: return Cat("latest ", policy.latest);
    case VersionPolicy::Kind::kAll: return "all";
    case VersionPolicy::Kind::kSpecific: return absl::StrJoin(policy.versions, " ");
  }
  return "";
}

std::vector<int64_t> ChooseVersions(const VersionPolicy& policy, const std::vector<int64_t>& versions) {
  switch (policy.kind) {
    case VersionPolicy::Kind::kAll: return versions;
    case VersionPolicy::Kind::kLatest: {
      const size_t keep = std::min(versions.size(), static_cast<size_t>(policy.latest));
      return {versions.end() - static_cast<std::ptrdiff_t>(keep), versions.end()};
    }
    case VersionPolicy::Kind::kSpecific: {
      std::vector<int64_t> chosen;
      std::set_intersection(versions.begin(), versions.end(), policy.versions.begin(), policy.versions.end(), std::back_inserter(chosen));
      return chosen;
    }
  }
  return {};
}

}  // namespace vigil::repository
