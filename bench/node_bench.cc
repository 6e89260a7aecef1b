// bench_node list HOST PORT TOKEN-FILE                          lists the workload's products at head office
// bench_node run JSON-FILE HOST PORT TOKEN-FILE FIRST PG-CONN   measures; FIRST: number of the first sale (none comes
// twice) bench_node tables PG-CONN                                     makes the tables of the PostgreSQL side
// bench_node fill HOST PORT TOKEN-FILE FIRST COUNT              rings so many sales, by 8 clients with 100 a request
// bench_node load PG-CONN FIRST COUNT                           the same sales by COPY, 1,000 a transaction
// bench_node sums PG-CONN                                       what PostgreSQL has, as JSON
//
// Sales a second of `holdfast serve` and of PostgreSQL over loopback at equal clients and equal batches, in turns
// within one run. bench/run starts the servers. HF_BENCH_SHORT=1: a few seconds, to see that it works.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <latch>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "bench/client.h"

namespace holdfast::bench {
namespace {

constexpr unsigned clients_max = 32;

struct Shape {
  unsigned clients;
  std::size_t batch, batches_each;  // a client a round
  auto operator<=>(const Shape&) const = default;
};
constexpr Shape shapes[] = {{1, 1, 1500}, {8, 1, 750}, {32, 1, 250}, {1, 100, 100}, {8, 100, 50}, {32, 100, 20}};

struct Cell {
  std::vector<double> sales_a_second;
  std::vector<double> request_ms;
};

// All clients start at once; the time is until the last has its last answer.
void measure(std::vector<std::unique_ptr<Client>>& clients, const Shape& shape, std::uint64_t first_sale, Cell& cell) {
  using Clock = std::chrono::steady_clock;
  std::latch ready(shape.clients + 1);
  std::mutex mutex;
  std::string failed;
  std::vector<std::thread> threads;
  for (unsigned c = 0; c < shape.clients; ++c)
    threads.emplace_back([&, c] {
      std::vector<double> request_ms;
      std::string error;
      try {
        std::vector<BenchSale> batch(shape.batch);
        for (std::size_t b = 0; b < shape.batches_each; ++b) {
          for (std::size_t i = 0; i < shape.batch; ++i)
            batch[i] = sale_number(first_sale + (c * shape.batches_each + b) * shape.batch + i);
          clients[c]->prepare(batch);
        }
        ready.arrive_and_wait();
        for (std::size_t b = 0; b < shape.batches_each; ++b) {
          const auto start = Clock::now();
          clients[c]->send_next();
          request_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
        }
      } catch (const std::exception& e) {
        error = e.what();
      }
      const std::lock_guard lock(mutex);
      if (!error.empty()) failed = error;
      cell.request_ms.insert(cell.request_ms.end(), request_ms.begin(), request_ms.end());
    });
  ready.arrive_and_wait();
  const auto start = Clock::now();
  for (auto& thread : threads) thread.join();
  if (!failed.empty()) throw std::runtime_error(failed);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  cell.sales_a_second.push_back(static_cast<double>(shape.clients * shape.batches_each * shape.batch) / seconds);
}

HttpServer server_at(char** host_port_token) {
  HttpServer server{host_port_token[0], host_port_token[1], {}};
  std::ifstream file(host_port_token[2]);
  if (!(file >> server.token)) throw std::runtime_error(fmt::format("cannot read {}", host_port_token[2]));
  return server;
}

// Rings `count` sales, a multiple of 800, and says how fast.
void fill(const HttpServer& server, std::uint64_t first, std::uint64_t count) {
  constexpr Shape shape{8, 100, 1};
  constexpr std::uint64_t a_request_each = shape.clients * shape.batch;
  if (count % a_request_each != 0) throw std::runtime_error("the number of sales must be a multiple of 800");
  std::vector<std::unique_ptr<Client>> clients;
  for (unsigned c = 1; c <= shape.clients; ++c) clients.push_back(make_http_client(server, c));
  for (std::uint64_t done = 0; done < count;) {
    Shape some = shape;  // requests are made before they are sent: not all at once
    some.batches_each = std::min<std::uint64_t>(100, (count - done) / a_request_each);
    Cell cell;
    measure(clients, some, first + done, cell);
    done += some.batches_each * a_request_each;
    if (done % 800'000 == 0 || done == count)
      fmt::print(stderr, "{} of {} sales, {:.0f} a second\n", done, count, cell.sales_a_second.back());
  }
}

int run(const char* json_path, const HttpServer& server, std::uint64_t first_sale, const std::string& postgres) {
  const bool small = std::getenv("HF_BENCH_SHORT") != nullptr && std::atoi(std::getenv("HF_BENCH_SHORT")) != 0;
  const int rounds = small ? 1 : 5;
  const char* names[] = {"holdfast", "postgresql"};
  std::vector<std::unique_ptr<Client>> clients[2];
  for (unsigned c = 1; c <= clients_max; ++c) {
    clients[0].push_back(make_http_client(server, c));
    clients[1].push_back(make_postgres_client(postgres, c));
  }
  std::map<std::pair<Shape, int>, Cell> cells;
  std::uint64_t next = first_sale;
  for (int round = 0; round < rounds; ++round) {
    for (Shape shape : shapes) {
      if (small) shape.batches_each = std::max<std::size_t>(2, shape.batches_each / 25);
      for (int i = 0; i < 2; ++i) {
        const int side = (i + round) % 2;
        measure(clients[side], shape, next, cells[{shape, side}]);
      }
      next += shape.clients * shape.batches_each * shape.batch;
    }
    fmt::print(stderr, "round {} of {}\n", round + 1, rounds);
  }
  const Sums sums = postgres_sums(postgres);
  std::string json = fmt::format(
      "{{\n  \"what\": \"5-line sales over loopback\",\n  \"rounds\": {},\n  \"sales_each_side\": {},"
      "\n  \"postgresql\": {{\"sales\": {}, \"pence\": {}, \"pieces\": {}}},\n  \"cells\": [",
      rounds, next - first_sale, sums.sales, sums.pence, sums.pieces);
  fmt::print("{:>7} {:>6}  {:<11} {:>10} {:>10} {:>10}   {}\n", "clients", "batch", "side", "sales/s", "p50 ms",
             "p99 ms", "holdfast is so many times this");
  const char* comma = "";
  for (const auto& [key, cell] : cells) {
    const auto& [shape, side] = key;
    const double rate = median_of(cell.sales_a_second);
    const double ratio = median_of(cells[{shape, 0}].sales_a_second) / rate;
    const Spread spread = spread_of(cell.request_ms);
    fmt::print("{:>7} {:>6}  {:<11} {:>10.0f} {:>10.3f} {:>10.3f}   {}\n", shape.clients, shape.batch, names[side],
               rate, spread.p50, spread.p99, side == 0 ? "" : fmt::format("{:.2f}", ratio));
    json += fmt::format(
        "{}\n    {{\"clients\": {}, \"batch\": {}, \"side\": \"{}\", \"sales_per_second\": {:.0f}, "
        "\"request_p50_ms\": {:.4f}, \"request_p99_ms\": {:.4f}, \"holdfast_ratio\": {:.3f}}}",
        comma, shape.clients, shape.batch, names[side], rate, spread.p50, spread.p99, ratio);
    comma = ",";
  }
  json += "\n  ]\n}\n";
  std::ofstream file(json_path);
  file << json;
  if (!file.flush()) throw std::runtime_error(fmt::format("cannot write {}", json_path));
  return 0;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  using namespace holdfast::bench;
  const std::string what = argc > 1 ? argv[1] : "";
  try {
    if (what == "list" && argc == 5) return list_products(server_at(argv + 2)), 0;
    if (what == "tables" && argc == 3) return make_postgres_tables(argv[2], clients_max), 0;
    if (what == "fill" && argc == 7) return fill(server_at(argv + 2), std::stoull(argv[5]), std::stoull(argv[6])), 0;
    if (what == "load" && argc == 5) return load_postgres(argv[2], std::stoull(argv[3]), std::stoull(argv[4])), 0;
    if (what == "sums" && argc == 3) {
      const Sums sums = postgres_sums(argv[2]);
      fmt::print("{{\"sales\": {}, \"pence\": {}, \"pieces\": {}}}\n", sums.sales, sums.pence, sums.pieces);
      return 0;
    }
    if (what == "run" && argc == 8) return run(argv[2], server_at(argv + 3), std::stoull(argv[6]), argv[7]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_node: %s\n", e.what());
    return 1;
  }
  std::fprintf(stderr, "bench_node list|tables|fill|load|sums|run ...: see bench/node_bench.cc\n");
  return 2;
}
