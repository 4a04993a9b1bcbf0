# frozen_string_literal: true

require "set"

# Reads sources of all kinds.
module Reader
  LIMIT = 3

  # A file that can be read again.
  class Source < Base
    attr_reader :path

    # Opens it for reading.
    def open(path, mode: "r")
      File.open(path, mode)
    end

    def self.read!(path)
      new(path).read
    end
  end
end
