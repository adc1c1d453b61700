// The third stage: which version answers whom. The point of an entity on the unit line is domain/route_hash.h's, as in rollout.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "registry/registry.h"

namespace vigil {

inline constexpr std::string_view kChampionArm = "champion";  // the arm of every row while there is no experiment
inline constexpr std::string_view kExplicitArm = "explicit";  // rows that asked for a version by its number: never evidence
inline constexpr std::string_view kShadowArm = "shadow";

// What Observation::arm says of an arm.
enum class ArmCode : uint8_t { kControl = 0, kTreatment = 1, kShadow = 2 };
ArmCode ArmCodeOf(std::string_view arm);

struct RouteArm {
  const ServedVersion* version = nullptr;
  const VersionFit* fit = nullptr;  // null: it reads the request's rows as they lie
  std::string_view name;
  ArmCode code = ArmCode::kControl;
  double begin = 0;
  double end = 1;
};

// The arms of one model's plan, with their versions. Views into the model, which must outlive this.
class RouteTable {
 public:
  RouteTable() = default;
  // By the model's plan; its champion answers everything without one.
  explicit RouteTable(const ServedModel& model);
  // A version asked for by number.
  RouteTable(const ServedModel& model, const ServedVersion& version);

  absl::Span<const RouteArm> arms() const { return arms_; }
  bool is_single() const { return arms_.size() == 1; }
  // The index of the arm that owns `entity`.
  size_t Pick(std::string_view entity) const;

 private:
  std::string_view salt_;
  absl::InlinedVector<RouteArm, 4> arms_;
};

}  // namespace vigil
