#include <string>
#include <vector>

namespace math {

/// A matrix of numbers, row by row.
template <typename T>
class Matrix : public Base {
 public:
  explicit Matrix(int rows);
  T& at(int row, int column) { return data_[row * columns_ + column]; }
  bool operator==(const Matrix& other) const { return data_ == other.data_; }
  int rows() const;

 private:
  std::vector<T> data_;
};

/// How many rows there are.
template <typename T>
int Matrix<T>::rows() const {
  std::string local(3);
  return data_.size();
}

static double trace(const Matrix<double>& matrix) {
  return 0.0;
}

constexpr double kEpsilon = 1e-9;

enum class Layout { RowMajor, ColumnMajor };

using Vector = std::vector<double>;

}  // namespace math

struct Plain {
  int value;
};
