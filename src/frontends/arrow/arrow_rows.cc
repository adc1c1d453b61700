#include "frontends/arrow/arrow_rows.h"

#include <simdjson.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "frontends/arrow/arrow_guard.h"
#include "frontends/errors.h"
#include "frontends/words.h"
#include "nanoarrow/nanoarrow.hpp"
#include "nanoarrow/nanoarrow_ipc.hpp"

namespace vigil {
namespace {

Status Malformed(std::string_view what) { return Failure(ErrorCode::kMalformed, Concat("Arrow stream: ", what)); }

Status FromLibrary(int code, const ArrowError& error) {
  if (code == NANOARROW_OK) return absl::OkStatus();
  if (code == ENOMEM) return Failure(ErrorCode::kTooLarge, "Arrow stream: there is not the memory to read it");
  return Failure(code == ENOTSUP ? ErrorCode::kInvalid : ErrorCode::kMalformed, Concat("Arrow stream: ", error.message));
}

// What a column's cells are to us.
enum class Cells : uint8_t { kNothing, kNumbers, kTexts, kTimes, kOther };

Cells CellsOf(ArrowType type) {
  switch (type) {
    case NANOARROW_TYPE_NA: return Cells::kNothing;
    case NANOARROW_TYPE_BOOL:
    case NANOARROW_TYPE_INT8:
    case NANOARROW_TYPE_INT16:
    case NANOARROW_TYPE_INT32:
    case NANOARROW_TYPE_INT64:
    case NANOARROW_TYPE_UINT8:
    case NANOARROW_TYPE_UINT16:
    case NANOARROW_TYPE_UINT32:
    case NANOARROW_TYPE_UINT64:
    case NANOARROW_TYPE_HALF_FLOAT:
    case NANOARROW_TYPE_FLOAT:
    case NANOARROW_TYPE_DOUBLE: return Cells::kNumbers;
    case NANOARROW_TYPE_STRING:
    case NANOARROW_TYPE_LARGE_STRING: return Cells::kTexts;
    case NANOARROW_TYPE_DATE32:
    case NANOARROW_TYPE_DATE64:
    case NANOARROW_TYPE_TIMESTAMP: return Cells::kTimes;
    default: return Cells::kOther;
  }
}

bool IsWhole(ArrowType type) {
  return CellsOf(type) == Cells::kNumbers && type != NANOARROW_TYPE_HALF_FLOAT && type != NANOARROW_TYPE_FLOAT &&
         type != NANOARROW_TYPE_DOUBLE && type != NANOARROW_TYPE_BOOL;
}

struct Column {
  std::string name;
  int meaning = RowFiller::kUnknown;
  ArrowType type = NANOARROW_TYPE_UNINITIALIZED;  // of a dictionary: of its values
  Cells cells = Cells::kNothing;
  int64_t times = 0;             // of kTimes: microseconds a unit; below 0: units a microsecond, negated
  const char* copied = nullptr;  // the characters that were copied last, in an array that stays as long as the reader
  const char* copy = nullptr;
};

int64_t TimesOf(const ArrowSchemaView& view) {
  if (view.type == NANOARROW_TYPE_DATE32) return kDayUs;
  if (view.type == NANOARROW_TYPE_DATE64) return 1000;
  switch (view.time_unit) {
    case NANOARROW_TIME_UNIT_SECOND: return kSecondUs;
    case NANOARROW_TIME_UNIT_MILLI: return 1000;
    case NANOARROW_TIME_UNIT_MICRO: return 1;
    default: return -1000;
  }
}

StatusOr<TimeUs> TimeOf(int64_t value, int64_t times) {
  constexpr TimeUs kFirst = -62'167'219'200 * kSecondUs, kEnd = 253'402'300'800 * kSecondUs;  // years 0 to 9999, as a text may say
  int64_t us = value;
  if (times < 0) {
    us = value / -times - (value % -times < 0 ? 1 : 0);
  } else if (__builtin_mul_overflow(value, times, &us)) {
    us = kEnd;
  }
  if (us >= kFirst && us < kEnd) return us;
  return absl::InvalidArgumentError(Concat(value, " is no time of the years 0 to 9999"));
}

std::string NumberText(const ArrowArrayView& view, int64_t at) {
  std::string text;
  if (view.storage_type == NANOARROW_TYPE_UINT64) {
    Append(&text, ArrowArrayViewGetUIntUnsafe(&view, at));
  } else if (IsWhole(view.storage_type)) {
    Append(&text, ArrowArrayViewGetIntUnsafe(&view, at));
  } else if (view.storage_type == NANOARROW_TYPE_BOOL) {
    text = ArrowArrayViewGetIntUnsafe(&view, at) != 0 ? "true" : "false";
  } else {
    AppendJsonNumber(&text, ArrowArrayViewGetDoubleUnsafe(&view, at));
  }
  return text;
}

// One body.
struct Reader {
  explicit Reader(std::deque<std::string>* made) : texts(made) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  nanoarrow::ipc::UniqueDecoder decoder;
  nanoarrow::UniqueSchema schema;
  ArrowIpcDictionaryEncodings encodings{};
  ArrowIpcDictionaries dictionaries{};
  bool has_encodings = false, has_dictionaries = false;
  std::vector<nanoarrow::UniqueArray> arrays;
  std::vector<Column> columns;
  std::deque<std::string>* const texts;
  int64_t text_bytes = 0;

  ~Reader() {
    arrays.clear();
    if (has_dictionaries) ArrowIpcDictionariesReset(&dictionaries);
    if (has_encodings) ArrowIpcDictionaryEncodingsReset(&encodings);
  }
  Status ReadSchema(RowFiller& filler);
  StatusOr<std::string_view> TextOf(Column& column, const ArrowArrayView& view, int64_t at);
  Status ReadDictionary(absl::Span<const uint8_t> body);
  Status ReadBatch(absl::Span<const uint8_t> body, RowFiller& filler, const ColumnIndex& index);
  Status ReadColumn(Column& column, const ArrowArrayView& view, size_t base, RowFiller& filler, const ColumnIndex& index);
  Status ReadCell(Column& column, const ArrowArrayView& view, int64_t at, RowFiller& filler, const ColumnIndex& index);
};

// A copy that stands at a multiple of eight bytes, which the body of a request need not, and that arrays can share.
Status Share(absl::Span<const uint8_t> body, nanoarrow::UniqueBuffer* shared) {
  nanoarrow::UniqueBuffer copy;
  ArrowError error{};
  VIGIL_RETURN_IF_ERROR(FromLibrary(ArrowBufferAppend(copy.get(), body.data(), static_cast<int64_t>(body.size())), error));
  return FromLibrary(ArrowSharedBufferInit(shared->get(), copy.get()), error);
}

Status CheckMeaning(const Column& column) {
  const auto refuse = [&](std::string_view why) {
    return Failure(ErrorCode::kInvalid, Concat("Arrow column \"", column.name, "\" ", why), column.name);
  };
  if (column.meaning == RowFiller::kUnknown || column.cells == Cells::kNothing) return absl::OkStatus();
  if (column.meaning == RowFiller::kTime) {
    if (column.cells == Cells::kTimes || column.cells == Cells::kTexts) return absl::OkStatus();
    return refuse("holds no times: send a timestamp, or text in RFC 3339");
  }
  if (column.meaning == RowFiller::kId || column.meaning == RowFiller::kEntity) {
    if (column.cells == Cells::kTexts || IsWhole(column.type)) return absl::OkStatus();
    return refuse("holds neither texts nor whole numbers");
  }
  if (column.cells == Cells::kNumbers || column.cells == Cells::kTexts) return absl::OkStatus();
  return refuse(Concat("is of type ", ArrowTypeString(column.type), ", which is neither number nor text: cast it to what the model takes"));
}

Status Reader::ReadSchema(RowFiller& filler) {
  ArrowError error{};
  VIGIL_RETURN_IF_ERROR(FromLibrary(ArrowIpcDecoderDecodeSchemaWithDictionaries(decoder.get(), schema.get(), &encodings, &error), error));
  has_encodings = true;
  VIGIL_RETURN_IF_ERROR(FromLibrary(ArrowIpcDecoderSetSchemaWithDictionaries(decoder.get(), schema.get(), &encodings, &error), error));
  if (encodings.encodings.size_bytes > 0) {
    VIGIL_RETURN_IF_ERROR(FromLibrary(ArrowIpcDictionariesInit(&dictionaries, &encodings, &error), error));
    has_dictionaries = true;
  }
  bool id = false, entity = false, time = false;
  for (int64_t i = 0; i < schema->n_children; ++i) {
    const ArrowSchema& child = *schema->children[i];
    ArrowSchemaView view;
    VIGIL_RETURN_IF_ERROR(FromLibrary(ArrowSchemaViewInit(&view, child.dictionary != nullptr ? child.dictionary : &child, &error), error));
    Column column;
    column.name = child.name == nullptr ? "" : child.name;
    column.type = view.type;
    column.cells = CellsOf(view.type);
    if (column.cells == Cells::kTimes) column.times = TimesOf(view);
    column.meaning = filler.Meaning(column.name);
    VIGIL_RETURN_IF_ERROR(CheckMeaning(column));
    const bool twice = column.meaning >= 0                    ? filler.seen()[static_cast<size_t>(column.meaning)] != 0
                       : column.meaning == RowFiller::kId     ? std::exchange(id, true)
                       : column.meaning == RowFiller::kEntity ? std::exchange(entity, true)
                       : column.meaning == RowFiller::kTime   ? std::exchange(time, true)
                                                              : false;
    if (twice) return Failure(ErrorCode::kInvalid, Concat("Arrow column \"", column.name, "\" is there twice"), column.name);
    if (column.meaning >= 0) filler.Seen(column.meaning);
    columns.push_back(std::move(column));
  }
  return absl::OkStatus();
}

Status Reader::ReadDictionary(absl::Span<const uint8_t> body) {
  ArrowError error{};
  nanoarrow::UniqueBuffer shared;
  VIGIL_RETURN_IF_ERROR(Share(body, &shared));
  return FromLibrary(
      ArrowIpcDecoderDecodeDictionaryFromShared(decoder.get(), shared.get(), NANOARROW_VALIDATION_LEVEL_FULL, &dictionaries, &error),
      error);
}

Status Reader::ReadBatch(absl::Span<const uint8_t> body, RowFiller& filler, const ColumnIndex& index) {
  ArrowError error{};
  nanoarrow::UniqueBuffer shared;
  VIGIL_RETURN_IF_ERROR(Share(body, &shared));
  nanoarrow::UniqueArray array;
  VIGIL_RETURN_IF_ERROR(FromLibrary(
      ArrowIpcDecoderDecodeArrayFromSharedWithDictionaries(decoder.get(), shared.get(), -1, has_dictionaries ? &dictionaries : nullptr,
                                                           array.get(), NANOARROW_VALIDATION_LEVEL_FULL, &error),
      error));
  // It also says so where an array that was begun could not be finished.
  if (array->release == nullptr) return Malformed(error.message);
  nanoarrow::UniqueArrayView view;
  VIGIL_RETURN_IF_ERROR(FromLibrary(ArrowArrayViewInitFromSchema(view.get(), schema.get(), &error), error));
  VIGIL_RETURN_IF_ERROR(FromLibrary(ArrowArrayViewSetArray(view.get(), array.get(), &error), error));
  arrays.push_back(std::move(array));
  const size_t base = filler.batch().rows;
  for (int64_t i = 0; i < view->length; ++i) VIGIL_RETURN_IF_ERROR(filler.NextRow());
  for (size_t i = 0; i < columns.size(); ++i) {
    Column& column = columns[i];
    if (column.meaning == RowFiller::kUnknown || column.cells == Cells::kNothing) continue;
    VIGIL_RETURN_IF_ERROR(ReadColumn(column, *view->children[i], base, filler, index));
  }
  return absl::OkStatus();
}

Status Reader::ReadColumn(Column& column, const ArrowArrayView& view, size_t base, RowFiller& filler, const ColumnIndex& index) {
  for (int64_t i = 0; i < view.length; ++i) {
    if (ArrowArrayViewIsNull(&view, i)) continue;
    filler.Select(base + static_cast<size_t>(i));
    if (view.dictionary == nullptr) {
      VIGIL_RETURN_IF_ERROR(ReadCell(column, view, i, filler, index));
      continue;
    }
    const int64_t at = ArrowArrayViewGetIntUnsafe(&view, i);
    if (!ArrowArrayViewIsNull(view.dictionary, at)) VIGIL_RETURN_IF_ERROR(ReadCell(column, *view.dictionary, at, filler, index));
  }
  return absl::OkStatus();
}

// The characters of a column's array, or of its dictionary, are copied at the first text of it. Arrays may lie over one another, so that
// what is copied need not be less than the body.
StatusOr<std::string_view> Reader::TextOf(Column& column, const ArrowArrayView& view, int64_t at) {
  const ArrowStringView text = ArrowArrayViewGetStringUnsafe(&view, at);
  if (text.size_bytes == 0) return std::string_view();
  const ArrowBufferView& characters = view.buffer_views[2];
  if (column.copied != characters.data.as_char) {
    text_bytes += characters.size_bytes;
    if (text_bytes > kArrowTextBytesMax)
      return Failure(ErrorCode::kTooLarge, Concat("Arrow stream: its texts take more than ", kArrowTextBytesMax, " bytes"));
    column.copied = characters.data.as_char;
    column.copy = texts->emplace_back(column.copied, static_cast<size_t>(characters.size_bytes)).data();
  }
  const std::string_view read(column.copy + (text.data - column.copied), static_cast<size_t>(text.size_bytes));
  if (!simdjson::validate_utf8(read.data(), read.size())) return Failure(ErrorCode::kInvalid, "the text is not UTF-8", column.name);
  return read;
}

Status Reader::ReadCell(Column& column, const ArrowArrayView& view, int64_t at, RowFiller& filler, const ColumnIndex& index) {
  if (column.cells == Cells::kNumbers && column.meaning >= 0) {
    if (index.is_text(column.meaning)) {
      filler.SetTypeError(column.meaning, NumberText(view, at));
    } else {
      filler.SetValue(column.meaning, ArrowArrayViewGetDoubleUnsafe(&view, at), "");
    }
    return absl::OkStatus();
  }
  const auto at_row = [&](const Status& status) {
    return Failure(ErrorCode::kInvalid, MessageOf(status), Concat("row ", filler.row(), ", ", column.name));
  };
  if (column.cells == Cells::kTimes) {
    const StatusOr<TimeUs> time = TimeOf(ArrowArrayViewGetIntUnsafe(&view, at), column.times);
    if (!time.ok()) return at_row(time.status());
    std::vector<TimeUs>& times = filler.batch().times;  // one a row or none, which the filler checks at the end
    if (times.size() == filler.row()) times.push_back(*time);
    return absl::OkStatus();
  }
  StatusOr<std::string_view> text = column.cells == Cells::kTexts ? TextOf(column, view, at) : texts->emplace_back(NumberText(view, at));
  if (!text.ok()) return text.status();
  if (column.meaning >= 0) {
    filler.SetText(column.meaning, *text);
  } else if (column.meaning == RowFiller::kTime) {
    return filler.SetTime(*text);
  } else {
    column.meaning == RowFiller::kId ? filler.SetId(*text) : filler.SetEntity(*text);
  }
  return absl::OkStatus();
}

}  // namespace

Status ParseArrowRows(std::string_view body, const ColumnIndex& columns, UnknownColumns unknown, std::deque<std::string>* texts,
                      RowBatch* batch, std::vector<uint32_t>* absent) {
  constexpr size_t kPrefixBytes = 8;  // -1, then the size of the metadata
  RowFiller filler(columns, unknown, batch);
  Reader reader(texts);
  ArrowGuard guard;
  ArrowError error{};
  VIGIL_RETURN_IF_ERROR(FromLibrary(ArrowIpcDecoderInit(reader.decoder.get()), error));
  if (body.starts_with("ARROW1")) return Malformed("this is a file in Arrow's file format: send the stream format");
  if (body.empty()) return Malformed("the body is empty: a schema and record batches are expected");
  const absl::Span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(body.data()), body.size());
  std::vector<uint64_t> aligned;
  bool has_schema = false;
  for (size_t at = 0; at < bytes.size();) {
    int32_t prefix[2];
    if (bytes.size() - at < kPrefixBytes) return Malformed(Concat("ends within a message at byte ", at));
    std::memcpy(prefix, bytes.data() + at, sizeof(prefix));
    if (prefix[0] != -1) return Malformed(Concat("no message begins at byte ", at));
    if (prefix[1] == 0) {
      if (at + kPrefixBytes != bytes.size()) return Malformed("bytes follow its end");
      break;
    }
    const auto size = static_cast<size_t>(static_cast<uint32_t>(prefix[1]));
    if (size > bytes.size() - at - kPrefixBytes) return Malformed(Concat("ends within the message at byte ", at));
    if (size > kArrowMetadataBytesMax)
      return Failure(ErrorCode::kTooLarge, Concat("Arrow stream: a message's metadata takes more than ", kArrowMetadataBytesMax, " bytes"));
    aligned.resize((kPrefixBytes + size + 7) / 8);
    auto* const message = reinterpret_cast<uint8_t*>(aligned.data());
    std::memcpy(message, bytes.data() + at, kPrefixBytes + size);
    const absl::Span<const uint8_t> metadata(message + kPrefixBytes, size);
    int64_t body_bytes = 0;
    VIGIL_ASSIGN_OR_RETURN(const ArrowMessage kind, guard.CheckMetadata(metadata, &body_bytes));
    at += kPrefixBytes + size;
    if (static_cast<uint64_t>(body_bytes) > bytes.size() - at) return Malformed(Concat("ends within the body at byte ", at));
    const absl::Span<const uint8_t> buffers = bytes.subspan(at, static_cast<size_t>(body_bytes));
    at += buffers.size();
    if (kind != ArrowMessage::kSchema) VIGIL_RETURN_IF_ERROR(guard.CheckBody(metadata, buffers));
    const ArrowBufferView view{{message}, static_cast<int64_t>(kPrefixBytes + size)};
    VIGIL_RETURN_IF_ERROR(FromLibrary(ArrowIpcDecoderDecodeHeader(reader.decoder.get(), view, &error), error));
    if (kind == ArrowMessage::kSchema) {
      VIGIL_RETURN_IF_ERROR(reader.ReadSchema(filler));
      has_schema = true;
    } else if (kind == ArrowMessage::kDictionary) {
      VIGIL_RETURN_IF_ERROR(reader.ReadDictionary(buffers));
    } else {
      VIGIL_RETURN_IF_ERROR(reader.ReadBatch(buffers, filler, columns));
    }
  }
  if (!has_schema) return Malformed("there is no schema");
  return filler.Finish(absent);
}

}  // namespace vigil
