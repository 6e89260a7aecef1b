// The journal's own bytes: record headers, segment headers and the entries of a commit, which have one form each.
#include "core/base/crypto.h"
#include "core/journal/format.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

enum RecordForm : std::uint8_t { form_record, form_segment, form_entries };
constexpr std::size_t record_crc_at = 156, segment_crc_at = 4092;

// Nothing gets past a checksum by chance: it is put right, so that what lies behind it is tried.
void put_checksum(Bytes& bytes, std::size_t at) {
  const std::uint32_t sum = crc32c(ByteView(bytes).first(at));
  std::memcpy(bytes.data() + at, &sum, sizeof sum);
}

}  // namespace

void fuzz_record(ByteView in) {
  Reader reader(in);
  const std::uint8_t form = reader.u8();
  Bytes rest = to_bytes(reader.raw(reader.left()));
  if (form % 3 == form_record) {
    (void)journal::decode_record_header(rest);  // too short, and with a wrong sum
    rest.resize(journal::record_header_bytes);
    put_checksum(rest, record_crc_at);
    const auto header = journal::decode_record_header(rest);
    if (!header) return;
    Bytes again(journal::record_header_bytes);
    journal::encode_record_header(*header, again);
    HF_CHECK(again == rest, "a record header has two forms");
  } else if (form % 3 == form_segment) {
    rest.resize(journal::block_bytes);
    put_checksum(rest, segment_crc_at);
    const auto header = journal::decode_segment_header(rest);
    HF_CHECK(!header || journal::encode_segment_header(*header) == rest, "a segment header has two forms");
  } else {
    Reader payload(rest);
    const std::uint32_t count = payload.u32();
    const Allocations allocations;
    const ByteView framed = payload.raw(payload.left());
    const auto bodies = journal::split_entries(framed, count);
    check_peak(allocations, in.size(), 8);
    if (!bodies) return;
    HF_CHECK(bodies->size() == count, "{} entries of {}", bodies->size(), count);
    std::size_t bytes = 0;
    for (const ByteView body : *bodies) bytes += body.size();
    HF_CHECK(bytes <= framed.size(), "entries overlap");
  }
}

Seeds seeds_of_record() {
  const Origin origin{"holdfast.example/acme", SiteName("store-07"), 1};
  Bytes payload;
  journal::frame_entry(payload, as_bytes("first sale"));
  journal::frame_entry(payload, as_bytes("2nd"));
  journal::RecordHeader commit;
  commit.journal_id = journal::journal_id_of(origin);
  commit.count = 2;
  commit.number = 1;
  commit.payload_bytes = static_cast<std::uint32_t>(payload.size());
  commit.payload_crc = crc32c(payload);
  Bytes commit_bytes(journal::record_header_bytes);
  journal::encode_record_header(commit, commit_bytes);
  journal::RecordHeader note = commit;
  note.kind = journal::RecordKind::checkpoint;
  note.count = 0;
  note.number = 2;
  note.first = 2;
  Bytes note_bytes(journal::record_header_bytes);
  journal::encode_record_header(note, note_bytes);
  journal::RecordHeader rewind = commit;
  rewind.kind = journal::RecordKind::rewind;
  rewind.payload_bytes = rewind.payload_crc = 0;
  Bytes rewind_bytes(journal::record_header_bytes);
  journal::encode_record_header(rewind, rewind_bytes);
  const Bytes segment = journal::encode_segment_header({journal::journal_id_of(origin), 0, 1, {}, origin.text()});
  Writer framed;
  framed.u32(2);
  framed.raw(payload);
  return {{"commit", with_first(form_record, commit_bytes)},
          {"checkpoint", with_first(form_record, note_bytes)},
          {"rewind", with_first(form_record, rewind_bytes)},
          {"segment", with_first(form_segment, ByteView(segment).first(200))},
          {"entries", with_first(form_entries, framed.view())}};
}

}  // namespace holdfast::fuzz
