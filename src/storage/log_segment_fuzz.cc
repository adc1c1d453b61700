// Any bytes as a log file: the walk ends, never reads outside, and never goes backwards; whatever decodes is consistent in itself.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "storage/log_format.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void DecodePayload(std::string_view payload) {
  vigil::PredictionView view;
  if (vigil::DecodePrediction(payload, &view)) {
    std::vector<float> floats;
    vigil::LoggedPrediction logged;
    vigil::CopyFloats(view.features, &floats);
    vigil::CopyMixed(view.mixed, &logged);
    Require(view.cleaning.empty() || view.cleaning.size() == floats.size());
    vigil::CopyFloats(view.outputs, &floats);
  }
  if (const auto schema = vigil::DecodeSchema(payload); schema.ok()) {
    Require(vigil::EncodeSchema(*schema) == payload);
  }
  vigil::SegmentFooter footer;
  vigil::DecodeFooter(payload, &footer);
  const int64_t labels = vigil::LabelCount(payload);
  for (int64_t i = 0; i < labels; ++i) vigil::LabelAt(payload, i);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  DecodeLogHeader(file).status().IgnoreError();
  for (const int64_t begin : {int64_t{0}, static_cast<int64_t>(kLogHeaderBytes)}) {
    FrameCursor cursor(file, begin);
    Frame frame;
    int64_t last = begin;
    for (FrameCursor::Step step; (step = cursor.Next(&frame)) != FrameCursor::Step::kEnd;) {
      Require(frame.offset == last && cursor.offset() > last);
      last = cursor.offset();
      if (step != FrameCursor::Step::kFrame) continue;
      DecodePayload(frame.payload);
    }
  }
  // The bytes as one payload, which the checksum otherwise keeps from the decoders; framed, it reads back.
  DecodePayload(file);
  if (!file.empty() && file[0] >= 1 && file[0] <= 4) {
    std::string framed;
    AppendFrame(&framed, file);
    Frame frame;
    Require(ReadFrame(framed, 0, &frame) && frame.payload == file && frame.end == static_cast<int64_t>(framed.size()));
  }
  return 0;
}
