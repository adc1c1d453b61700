// The state machine of a version, as a table.
#pragma once

#include <array>
#include <cstdint>

#include "domain/model_version.h"

namespace vigil {

// Bit i of a state's row: state i may follow. A rejected version may be validated again, or accepted by a person who overrules the gate;
// a retired one may come back through validation; a tombstone is for ever.
constexpr bool MayFollow(VersionState from, VersionState to) {
  constexpr auto kBit = [](VersionState state) { return uint8_t(1u << static_cast<unsigned>(state)); };
  constexpr uint8_t kRegistered = kBit(VersionState::kRegistered), kValidating = kBit(VersionState::kValidating),
                    kValidated = kBit(VersionState::kValidated), kRejected = kBit(VersionState::kRejected),
                    kRetired = kBit(VersionState::kRetired), kDeleted = kBit(VersionState::kDeleted);
  constexpr std::array<uint8_t, 7> kNext = {
      uint8_t(kRegistered | kDeleted),                                      // uploading
      uint8_t(kValidating | kValidated | kRejected | kRetired | kDeleted),  // registered
      uint8_t(kRegistered | kValidated | kRejected | kRetired | kDeleted),  // validating; back when its validation was broken off
      uint8_t(kValidating | kRejected | kRetired | kDeleted),               // validated
      uint8_t(kValidating | kValidated | kRetired | kDeleted),              // rejected
      uint8_t(kValidating | kDeleted),                                      // retired
      0,                                                                    // deleted
  };
  return (kNext[static_cast<size_t>(from)] & kBit(to)) != 0;
}

// May be loaded, given a role, or sent traffic.
constexpr bool IsServable(VersionState state) {
  return state == VersionState::kRegistered || state == VersionState::kValidating || state == VersionState::kValidated;
}

}  // namespace vigil
