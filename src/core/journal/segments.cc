#include "core/journal/segments.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/mutant.h"
#include "core/journal/gaps.h"
#include "core/journal/window.h"

namespace holdfast::journal {

namespace {

constexpr std::size_t kept_bytes_min = 64u << 10;

std::unexpected<Error> damage(std::string_view directory, Place place, std::uint64_t entry, std::string_view what,
                              std::string_view to_do) {
  return fail("journal/damaged", fmt::format("{}/{}, offset {}, entry {}: {}. {}", directory, file_name(place.segment),
                                             std::uint64_t{place.block} * block_bytes, entry, what, to_do));
}

}  // namespace

std::unexpected<Error> damaged(std::string_view directory, Place place, std::uint64_t entry, std::string_view what) {
  return damage(directory, place, entry, what,
                "Nothing was changed; keep the files and fetch the journal again from its mirrors (holdfast site "
                "rebuild).");
}

std::unexpected<Error> lost(std::string_view directory, Place place, std::uint64_t entry, std::string_view what) {
  return damage(directory, place, entry, what,
                "It comes back by itself as soon as a mirror, or the spare, that has it is linked.");
}

Segments::Segments(Disk& disk, std::string directory, const Origin& origin, std::uint32_t next_number)
    : disk_(disk),
      directory_(std::move(directory)),
      origin_(origin),
      journal_id_(journal_id_of(origin)),
      next_number_(next_number) {}

Status Segments::start_segment(const RecordHeader& first, std::uint64_t record_bytes) {
  const std::uint64_t bytes = std::max(next_bytes_, block_bytes + record_bytes);
  next_bytes_ = std::min(next_bytes_ * 2, segment_bytes_max);
  const std::uint32_t number = next_number_++;
  HF_TRY(auto file, disk_.create(directory_ + "/" + segment_name(number), bytes));
  // Durable by itself before the first record: a whole record in a segment without a header is then always damage.
  HF_TRY_VOID(
      file->write_durable(0, encode_segment_header({journal_id_, number, first.number, first.before, origin_.text()})));
  current_ = std::move(file);
  current_number_ = number;
  position_ = block_bytes;
  return {};
}

Result<Place> Segments::append(const RecordHeader& header, ByteView record) {
  HF_CHECK(!is_failed_, "{}: an earlier write failed; the process must end (protocol 1.2)", directory_);
  HF_CHECK(record.size() == record_extent(header.payload_bytes), "{} bytes", record.size());
  is_failed_ = true;  // until everything below went well
  if (!current_ || position_ + record.size() > current_->size()) HF_TRY_VOID(start_segment(header, record.size()));
  HF_CHECK(position_ % block_bytes == 0 && position_ + record.size() <= current_->size(), "at {}", position_);
  if (const Status written = current_->write_durable(position_, record); !written && !HF_MUTANT(12))
    return pass_on(written.error());
  is_failed_ = false;
  const Place place{current_number_, static_cast<std::uint32_t>(position_ / block_bytes)};
  position_ += record.size();
  return place;
}

void Segments::keep(Place place, Bytes record) {
  if (record.size() < kept_bytes_min) return;
  auto kept = std::make_shared<LoadedRecord>();
  kept->bytes = std::move(record);
  const auto header = decode_record_header(kept->bytes);
  HF_CHECK(header.has_value(), "{}: a record that was just written does not read as one", directory_);
  kept->header = *header;
  auto entries = split_entries(kept->payload(), header->count);
  HF_CHECK(entries.has_value(), "{}: {} entries that were just written do not read as such", directory_, header->count);
  kept->entries = std::move(*entries);
  loaded_ = std::move(kept);
  loaded_place_ = place;
}

Result<File*> Segments::file_of(std::uint32_t segment) {
  if (current_ && segment == current_number_) return current_.get();
  if (!older_ || segment != older_number_) {
    HF_TRY(older_, disk_.open(directory_ + "/" + file_name(segment)));
    older_number_ = segment;
  }
  return older_.get();
}

Result<std::shared_ptr<const LoadedRecord>> Segments::load(Place place, std::uint64_t entry) {
  if (loaded_ && loaded_place_ == place) return loaded_;
  const auto is_lost = [&](std::string_view what) { return lost(directory_, place, entry, what); };
  if (place == lost_place)
    return fail("journal/damaged",
                fmt::format("{}: entry {} cannot be read, its record is lost. It comes back by itself as soon as a "
                            "mirror, or the spare, that has it is linked.",
                            origin_.text(), entry));
  auto file = file_of(place.segment);
  if (!file && file.error().code != "base/not_found") return pass_on(file.error());
  const std::uint64_t offset = std::uint64_t{place.block} * block_bytes;
  if (!file || offset + block_bytes > (*file)->size()) return is_lost("the file does not reach to here any more");
  auto record = std::make_shared<LoadedRecord>();
  std::set<std::uint64_t> unreadable;
  record->bytes.resize(block_bytes);
  read_what_can_be_read(**file, offset, record->bytes, unreadable);
  const auto header = decode_record_header(record->bytes);
  if (!header || header->journal_id != journal_id_ || record_extent(header->payload_bytes) > (*file)->size() - offset)
    return is_lost(unreadable.empty() ? "the record's header does not hold any more" : "the sector cannot be read");
  record->header = *header;
  record->bytes.resize(record_extent(header->payload_bytes));
  if (record->bytes.size() > block_bytes)
    read_what_can_be_read(**file, offset + block_bytes, std::span(record->bytes).subspan(block_bytes), unreadable);
  const bool is_whole = crc32c(record->payload()) == header->payload_crc;
  if (!is_whole && header->kind != RecordKind::commit) return is_lost("the record's bytes do not hold any more");
  if (header->kind == RecordKind::commit && is_whole) {
    auto entries = split_entries(record->payload(), header->count);
    if (!entries) return is_lost("the record's entries are not in their form");
    record->entries = std::move(*entries);
  } else if (!is_whole) {
    Salvaged salvaged = salvage_entries(record->payload(), header->count);
    record->entries = std::move(salvaged.entries);
    record->lost_first = salvaged.lost_first;
    record->lost_end = salvaged.lost_end;
    if (record->is_whole()) return is_lost("the record's bytes do not hold any more");
  }
  loaded_ = record;
  loaded_place_ = place;
  return loaded_;
}

}  // namespace holdfast::journal
