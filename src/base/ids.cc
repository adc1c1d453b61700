#include "base/ids.h"

namespace vigil {
namespace {

constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

int Digit(char c) {
  if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (int i = 0; i < 32; ++i) {
    if (kAlphabet[i] == c) return i;
  }
  return -1;
}

}  // namespace

void PredictionId::Format(char* out) const {
  uint64_t rest = value;
  for (size_t i = kTextLength; i-- > 0;) {
    out[i] = kAlphabet[rest & 31];
    rest >>= 5;
  }
}

std::string PredictionId::Text() const {
  std::string text(kTextLength, '0');
  Format(text.data());
  return text;
}

std::optional<PredictionId> PredictionId::Parse(std::string_view text) {
  if (text.size() != kTextLength) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const int digit = Digit(text[i]);
    if (digit < 0 || (i == 0 && digit > 15)) return std::nullopt;  // 13 digits hold 65 bits; the first has four
    value = (value << 5) | static_cast<uint64_t>(digit);
  }
  return PredictionId{value};
}

}  // namespace vigil
