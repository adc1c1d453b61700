// What the runtime and its TensorFlow worker say to one another over a socket pair. Both ends run on one machine and are built together;
// still every length is checked, for the worker runs a library and a model that are not ours.
//
// A frame: u32 magic, u32 kind, u64 call, u64 body bytes, then the body. Numbers are little-endian. Texts are u32 bytes, then the bytes.
//   kLoad    text library, text model folder, u32 n, n texts (tags), u32 threads        → kLoaded: text TensorFlow's version; or kError
//   kRun     i64 microseconds left (-1: no end), u32 n, n tensors (fed), u32 m, m texts (wanted)  → kResult: u32 m, m tensors; or kError
//   kError   u32 code (absl::StatusCode), text
// A tensor: text name ("serving_default_x:0"), u32 TensorFlow's DataType, u32 rank, rank × i64, u64 data bytes, data: elements in row
// order, strings each as u32 bytes and the bytes.
//
// Nothing here but the standard library: the worker loads TensorFlow, which brings its own Abseil and protobuf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vigil::tensorflow {

inline constexpr uint32_t kFrameMagic = 0x31465456;  // "VTF1"
inline constexpr size_t kFrameHeadBytes = 24;
inline constexpr uint64_t kFrameBodyBytesMax = uint64_t{256} << 20;
inline constexpr uint32_t kFrameTensorsMax = 1024;
inline constexpr uint32_t kFrameRankMax = 16;
inline constexpr uint32_t kFrameNameBytesMax = 4096;
inline constexpr uint32_t kErrorTextBytesMax = 4096;

enum class FrameKind : uint32_t { kLoad = 1, kLoaded = 2, kRun = 3, kResult = 4, kError = 5 };

struct FrameHead {
  FrameKind kind = FrameKind::kError;
  uint64_t call = 0;
  uint64_t body_bytes = 0;
};

// False unless `bytes` (kFrameHeadBytes of them) are a head that this protocol allows.
bool ReadFrameHead(const char* bytes, FrameHead* head);

// TensorFlow's DataType numbers that can cross.
enum class TfType : uint32_t {
  kFloat = 1,
  kDouble = 2,
  kInt32 = 3,
  kUint8 = 4,
  kInt16 = 5,
  kInt8 = 6,
  kString = 7,
  kInt64 = 9,
  kBool = 10,
  kBfloat16 = 14,
  kUint16 = 17,
  kHalf = 19,
  kUint32 = 22,
  kUint64 = 23,
};
// Bytes an element; 0 for kString, -1 for what cannot cross.
int TfTypeBytes(uint32_t type);

// A tensor in a frame: views into it.
struct FrameTensor {
  std::string_view name;
  uint32_t type = 0;
  std::vector<int64_t> shape;
  std::string_view data;
  uint64_t elements = 0;
};

// Builds one frame.
class FrameWriter {
 public:
  FrameWriter(FrameKind kind, uint64_t call);
  void U32(uint32_t value);
  void U64(uint64_t value);
  void I64(int64_t value) { U64(static_cast<uint64_t>(value)); }
  void Text(std::string_view text);
  void Bytes(const void* data, size_t bytes) { bytes_.append(static_cast<const char*>(data), bytes); }
  // Name, type, shape; the caller then writes the data through BeginData .. EndData.
  void TensorHead(std::string_view name, uint32_t type, const int64_t* shape, size_t rank);
  void BeginData();
  void EndData();
  size_t size() const { return bytes_.size(); }
  // The frame, its length filled in.
  std::string Finish();

 private:
  std::string bytes_;
  size_t data_at_ = 0;  // of the u64 that BeginData left open
};

// Reads a body. After the first thing that does not fit, ok() is false and every read gives nothing.
class FrameReader {
 public:
  explicit FrameReader(std::string_view body) : left_(body) {}
  uint32_t U32();
  uint64_t U64();
  int64_t I64() { return static_cast<int64_t>(U64()); }
  std::string_view Text(uint32_t bytes_max);
  // A tensor whose data is as long as its type and shape say.
  FrameTensor Tensor();
  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && left_.empty(); }

 private:
  std::string_view Take(uint64_t bytes);

  std::string_view left_;
  bool ok_ = true;
};

// Calls `visit(index, text)` for each string of a kString tensor that FrameReader::Tensor read.
template <typename Visit>
void ForEachString(const FrameTensor& tensor, Visit visit) {
  FrameReader reader(tensor.data);
  for (uint64_t i = 0; i < tensor.elements; ++i) visit(i, reader.Text(UINT32_MAX));
}

}  // namespace vigil::tensorflow
