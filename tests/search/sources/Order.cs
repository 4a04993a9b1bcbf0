using System;
using System.Threading.Tasks;

namespace Shop.Orders
{
    /// <summary>What somebody has bought.</summary>
    [Serializable]
    public class Order : IPayable
    {
        public const int MaxLines = 99;
        private readonly int _number;

        public decimal Total { get; set; }

        public Order(int number)
        {
            _number = number;
        }

        public async Task<int> SaveAsync<T>(T store) where T : IStore
        {
            return await store.Save(this);
        }
    }

    public interface IPayable
    {
        void Pay(decimal amount);
    }

    public record Line(string Article, int Count);

    public enum State { Open, Paid }
}
