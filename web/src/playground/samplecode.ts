// What the editor starts with: a small, real piece of work in each language that stops in mid-thought.

export const PYTHON_SAMPLE = `import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split


def load_readings(path):
    """Read one sensor log; readings that failed come out as NaN."""
    frame = pd.read_csv(path, parse_dates=["time"])
    frame["value"] = frame["value"].where(frame["status"] == "ok", np.nan)
    return frame.set_index("time").sort_index()


def daily_features(frame):
    daily = frame["value"].resample("1D").agg(["mean", "std", "min", "max"])
    daily["range"] = daily["max"] - daily["min"]
    return daily.dropna()


def fit_model(features, labels, seed=0):
    X_train, X_test, y_train, y_test = train_test_split(
        features, labels, test_size=0.25, random_state=seed
    )
    model = RandomForestClassifier(n_estimators=200, random_state=seed)
    model.fit(X_train, y_train)
    predicted = model.predict(X_test)
    print("accuracy:", accuracy_score(y_test, predicted))
    return model


def plot_daily(daily):
    fig, ax = plt.subplots(figsize=(8, 3))
    ax.plot(daily.index, daily["mean"])
    ax.fill_between(daily.index, daily["min"], daily["max"], alpha=0.2)
    ax.set_xlabel("day")
    ax.`;

export const JAVA_SAMPLE = `import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Scanner;

public class ShortestPath {
    private final List<List<Integer>> neighbours = new ArrayList<>();

    public ShortestPath(int nodes) {
        for (int i = 0; i < nodes; i++) {
            neighbours.add(new ArrayList<>());
        }
    }

    public void connect(int a, int b) {
        neighbours.get(a).add(b);
        neighbours.get(b).add(a);
    }

    public int[] distancesFrom(int start) {
        int[] distances = new int[neighbours.size()];
        Arrays.fill(distances, -1);
        distances[start] = 0;
        ArrayDeque<Integer> queue = new ArrayDeque<>();
        queue.add(start);
        while (!queue.isEmpty()) {
            int node = queue.poll();
            for (int next : neighbours.get(node)) {
                if (distances[next] == -1) {
                    distances[next] = distances[node] + 1;
                    queue.add(next);
                }
            }
        }
        return distances;
    }

    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int nodes = in.nextInt();
        int edges = in.nextInt();
        ShortestPath graph = new ShortestPath(nodes);
        for (int i = 0; `;
