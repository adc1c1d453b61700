#include "service/served_at.h"

#include <set>
#include <vector>

#include "base/json.h"

namespace vigil {
namespace {

constexpr size_t kPage = 500;

std::string Field(const Json& detail, const char* key) {
  const auto found = detail.find(key);
  return found != detail.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

// Events come newest first, so the first of each role or label is the one in force. A plan belongs to its champion's epoch: the change of
// champion after it ended it.
StatusOr<ServedAt> FoldTimeline(Catalog& catalog, const std::string& model, TimeUs time) {
  ServedAt served;
  std::set<std::string> roles, labels;
  bool plan_known = false;
  for (int64_t before = 0;;) {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<TimelineEvent> page, catalog.Timeline(model, before, kPage));
    for (const TimelineEvent& event : page) {
      before = event.sequence;
      if (event.time > time) continue;
      const bool is_role = event.kind == "role.changed" || event.kind == "role.rolled_back";
      const bool is_label = event.kind == "label.changed";
      if (!is_role && !is_label && event.kind != "traffic.changed") continue;
      VIGIL_ASSIGN_OR_RETURN(const Json detail, ParseJson(event.detail, "timeline event's detail"));
      if (is_role) {
        const std::string role = Field(detail, "role");
        plan_known |= role == "champion";
        if (roles.insert(role).second && !Field(detail, "to").empty()) served.roles.emplace(role, event);
      } else if (is_label) {
        const std::string label = Field(detail, "label");
        if (labels.insert(label).second && !Field(detail, "to").empty()) served.labels.emplace(label, event);
      } else if (!plan_known) {
        plan_known = true;
        const auto arms = detail.find("arms"), shadows = detail.find("shadows");
        const bool whole = (arms == detail.end() || arms->empty()) && (shadows == detail.end() || shadows->empty());
        if (!whole) served.traffic = event;
      }
    }
    if (page.size() < kPage) return served;
  }
}

}  // namespace vigil
