#include "edge/keys/issued_epochs.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/chain/chain.h"
#include "edge/keys/private_files.h"

namespace holdfast::keys {
namespace {

std::unexpected<Error> failed(std::string_view doing, const std::string& path) {
  return fail("keys/failed", fmt::format("cannot {} {}: {}", doing, path, std::strerror(errno)));
}

}  // namespace

Result<IssuedEpochs> IssuedEpochs::open(const std::string& folder) {
  IssuedEpochs out(folder + "/issued-epochs");
  struct stat about {};
  if (::lstat(out.path_.c_str(), &about) != 0 && errno == ENOENT) return out;
  HF_TRY_VOID(out.lock());
  HF_TRY_VOID(out.read());
  return out;
}

Status IssuedEpochs::lock() {
  file_ = edge::Descriptor(::open(path_.c_str(), O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  if (!file_.valid() || ::flock(file_.get(), LOCK_EX) != 0) return failed("open", path_);
  return {};
}

Status IssuedEpochs::read() {
  HF_TRY(const std::string text, read_public_file(path_));
  std::string_view rest = text;
  for (std::size_t line_number = 1; !rest.empty(); ++line_number) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    const auto word = [&] {
      const std::size_t space = line.find(' ');
      const std::string_view out = line.substr(0, space);
      line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
      return out;
    };
    const std::string_view chain = word();
    const auto site = chain::site_name_of(word());
    const std::string_view number = word();
    std::uint32_t epoch = 0;
    const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), epoch);
    if (end == std::string_view::npos || chain.empty() || !site || error != std::errc() ||
        stop != number.data() + number.size() || !parse_instant(line))
      return fail(
          "keys/bad_file",
          fmt::format("line {} of {} is damaged; an epoch given out twice would split a journal, so correct the line "
                      "by hand (\"CHAIN SITE EPOCH TIME\") before signing",
                      line_number, path_));
    std::uint32_t& newest = newest_[{std::string(chain), *site}];
    newest = std::max(newest, epoch);
    rest.remove_prefix(end + 1);
  }
  return {};
}

std::uint32_t IssuedEpochs::newest(std::string_view chain, const SiteName& site) const {
  const auto found = newest_.find({std::string(chain), site});
  return found == newest_.end() ? 0 : found->second;
}

Status IssuedEpochs::remember(std::string_view chain, const std::vector<std::pair<SiteName, std::uint32_t>>& epochs,
                              Instant now) {
  std::string lines;
  for (const auto& [site, epoch] : epochs) {
    if (epoch <= newest(chain, site))
      return fail(
          "keys/epoch_taken",
          fmt::format("epoch {} of {} may not be given out: {} remembers epoch {}; use --epoch auto or a higher number",
                      epoch, site.view(), path_, newest(chain, site)));
    lines += fmt::format("{} {} {} {}\n", chain, site.view(), epoch, to_text(now));
  }
  if (!file_.valid()) {
    HF_TRY_VOID(create_private_file(path_, ""));
    HF_TRY_VOID(lock());
  }
  // One write: with O_APPEND, and alone under the lock. A torn one is found damaged the next time, and told.
  if (::write(file_.get(), lines.data(), lines.size()) != static_cast<ssize_t>(lines.size()) ||
      ::fsync(file_.get()) != 0)
    return failed("write", path_);
  for (const auto& [site, epoch] : epochs) newest_[{std::string(chain), site}] = epoch;
  return {};
}

}  // namespace holdfast::keys
