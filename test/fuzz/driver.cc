// The fuzz targets without libFuzzer, in the build that ships: the committed corpus, then inputs made from it by seeded
// edits, for some seconds each.
//
//   fuzz_all --corpus DIR [--seconds 10] [--seed 1] [--share 1/2] [--only NAME,NAME] [--found DIR]
//   fuzz_all --replay NAME FILE...      fuzz_all --write-corpus DIR      fuzz_all --list
//
// Execution k of a target with a seed is always the same input. One that breaks a law is kept in --found, and the
// command that runs it again is printed; so is one that takes longer than a minute. Exit 1: a target has no corpus.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/base/crypto.h"
#include "test/fuzz/mutate.h"

namespace holdfast::fuzz {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string corpus, found = "build/fuzz-found", only;
  double seconds = 10;
  std::uint64_t seed = 1;
  std::size_t share = 1, shares = 1;
};

// ---- what is told when an input ends the process; nothing here may allocate

struct Running {
  const char* program = "";
  const Target* target = nullptr;
  ByteView input;
  std::string keep_as;  // a path, made before the input runs
  std::uint64_t seed = 0, execution = 0;
} running;

void say(std::string_view text) {
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) std::_Exit(3);
}

void on_signal(int number) {
  const int file = ::open(running.keep_as.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
  const bool kept = file >= 0 && ::write(file, running.input.data(), running.input.size()) ==
                                     static_cast<ssize_t>(running.input.size());
  char line[1024];
  const auto end = fmt::format_to_n(
      line, sizeof line, "fuzz: {}: {} at execution {} of seed {}; {}{}\nfuzz: again: {} --replay {} {}\n",
      running.target->name, number == SIGALRM ? "takes longer than a minute" : "a law is broken", running.execution,
      running.seed, kept ? "the input is kept in " : "the input can not be written to ", running.keep_as,
      running.program, running.target->name, running.keep_as);
  say({line, std::min<std::size_t>(end.size, sizeof line)});
  std::_Exit(1);
}

void run(const Target& target, ByteView input) {
  running.target = &target;
  running.input = input;
  target.run(input);
}

// ---- files

Bytes bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return to_bytes(as_bytes(text));
}
void put(const fs::path& path, ByteView bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  HF_CHECK(out.good(), "{} cannot be written", path.string());
}

std::vector<Bytes> corpus_of(const Options& options, const Target& target) {
  std::vector<fs::path> paths;
  std::error_code missing;
  for (const auto& file : fs::directory_iterator(fs::path(options.corpus) / target.name, missing))
    paths.push_back(file.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> out;
  for (const fs::path& path : paths) out.push_back(bytes_of(path));
  return out;
}

int write_corpus(const std::string& directory) {
  std::size_t files = 0, bytes = 0;
  for (const Target& target : targets) {
    const fs::path folder = fs::path(directory) / target.name;
    fs::create_directories(folder);
    for (const Seed& seed : target.seeds()) {
      put(folder / seed.name, seed.bytes);
      ++files;
      bytes += seed.bytes.size();
    }
  }
  fmt::print("fuzz: {} files, {} bytes in {}\n", files, bytes, directory);
  return 0;
}

int replay(const std::string& name, std::span<char*> paths) {
  for (const Target& target : targets) {
    if (target.name != name) continue;
    for (const char* path : paths) run(target, bytes_of(path));
    fmt::print("fuzz: {}: {} inputs, nothing found\n", name, paths.size());
    return 0;
  }
  fmt::print(stderr, "fuzz: there is no target {}\n", name);
  return 2;
}

// ---- the run

bool fuzz(const Options& options, const Target& target) {
  using Time = std::chrono::steady_clock;
  running.keep_as = fmt::format("{}/{}-seed-{}", options.found, target.name, options.seed);
  running.seed = options.seed;
  running.execution = 0;
  const std::vector<Bytes> corpus = corpus_of(options, target);
  if (corpus.empty()) {
    fmt::print(stderr, "fuzz: {}: no corpus in {}/{}\n", target.name, options.corpus, target.name);
    return false;
  }
  for (const Bytes& input : corpus) run(target, input);
  const auto until =
      Time::now() + std::chrono::duration_cast<Time::duration>(std::chrono::duration<double>(options.seconds));
  const Hash named = sha256(as_bytes(target.name));
  std::uint64_t stream;
  std::memcpy(&stream, named.data(), sizeof stream);
  while (Time::now() < until) {
    ::alarm(60);
    for (int i = 0; i < 16; ++i) {
      ++running.execution;
      const Bytes input = Mutator(corpus, stream ^ (options.seed << 40) ^ running.execution).make();
      run(target, input);
    }
  }
  ::alarm(0);
  fmt::print("fuzz: {}: {} of the corpus and {} executions in {:g} s, seed {}: nothing found\n", target.name,
             corpus.size(), running.execution, options.seconds, options.seed);
  std::fflush(stdout);
  return true;
}

bool is_wanted(const Options& options, std::size_t number) {
  if (number % options.shares != options.share - 1) return false;
  return options.only.empty() ||
         ("," + options.only + ",").find(fmt::format(",{},", targets[number].name)) != std::string::npos;
}

int run_all(const Options& options) {
  fs::create_directories(options.found);
  bool is_fine = true;
  std::size_t ran = 0;
  for (std::size_t i = 0; i < std::size(targets); ++i) {
    if (!is_wanted(options, i)) continue;
    ++ran;
    is_fine = fuzz(options, targets[i]) && is_fine;
  }
  if (ran == 0) fmt::print(stderr, "fuzz: no target is called {}\n", options.only);
  return is_fine && ran > 0 ? 0 : 1;
}

int main_of(std::span<char*> words) {
  Options options;
  running.program = words[0];
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM}) std::signal(number, on_signal);
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--list") {
      for (const Target& target : targets) fmt::print("{}\n", target.name);
      return 0;
    }
    if (i + 1 == words.size()) break;
    const std::string value = words[++i];
    if (word == "--write-corpus") return write_corpus(value);
    if (word == "--replay") {
      running.keep_as = "/dev/null";
      return replay(value, words.subspan(i + 1));
    }
    if (word == "--corpus") options.corpus = value;
    if (word == "--found") options.found = value;
    if (word == "--only") options.only = value;
    if (word == "--seconds") options.seconds = std::stod(value);
    if (word == "--seed") options.seed = std::stoull(value);
    if (word == "--share") {
      options.share = std::stoul(value);
      options.shares = std::stoul(value.substr(value.find('/') + 1));
    }
  }
  if (!options.corpus.empty() && options.share >= 1 && options.share <= options.shares) return run_all(options);
  fmt::print(stderr, "usage: see the head of test/fuzz/driver.cc\n");
  return 2;
}

}  // namespace
}  // namespace holdfast::fuzz

int main(int argc, char** argv) { return holdfast::fuzz::main_of({argv, static_cast<std::size_t>(argc)}); }
